"""Issuing an invoice: the period's usage is rated, the number given, the books told, all in one transaction.

Usage counts by event time, so what arrived late but before the draft closed is on it. Credit that the customer has pays first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.invoices.build import usage_lines
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.invoices import credit_applied, invoice_issued
from billing.metering.store import EventStore
from billing.pricing.ratecard import read_card

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal

    from billing.db.session import Unit
    from billing.invoices.invoice import InvoiceLine
    from billing.kernel.period import Period
    from billing.ledger.posting import Transaction

SERIES = "INV"


def issue(unit: Unit, invoice_id: str, *, now: datetime) -> Invoice | None:
    """Make a draft final; None when somebody else did so before. `issued_at` is when the draft closed."""
    store = InvoiceStore(unit)
    draft = store.lock(invoice_id)
    if not draft.is_open:
        return None
    rated = replace(draft, lines=(*draft.lines, *_usage(unit, draft)))
    at = min(now, draft.closes_at)
    issued = rated.moved_to(InvoiceStatus.ISSUED, at, number=f"{SERIES}-{store.next_number(SERIES):06d}")
    LedgerStore(unit).append(_posting(issued, at))
    settled = _with_credit(unit, issued, at)
    store.save(settled)
    payload = {"invoice": settled.id, "number": settled.number, "total": settled.total.text}
    unit.emit("invoice.issued", settled.id, payload, at)
    return settled


def quantity_reader(unit: Unit, customer_id: str) -> Callable[[str, Period], Decimal]:
    """A function that reads one customer's quantity on a meter over a period."""
    meters = CatalogStore(unit).meters()

    def read(meter_key: str, period: Period) -> Decimal:
        meter = meters[meter_key]
        return EventStore(unit).quantity(customer_id, meter, period)

    return read


def _usage(unit: Unit, draft: Invoice) -> list[InvoiceLine]:
    if draft.period is None:
        return []
    versions = CatalogStore(unit).by_ids(draft.version_ids)
    cards = {key: read_card(versions[key].charges, versions[key].currency) for key in draft.version_ids}
    reader = quantity_reader(unit, draft.customer_id)
    return usage_lines(draft.subscription_id or "", draft.sequence or 0, draft.period, cards, reader)


def _posting(invoice: Invoice, at: datetime) -> Transaction:
    zero = Money.zero(invoice.currency)
    earned = sum((line.amount for line in invoice.lines if line.kind == "usage"), zero)
    return invoice_issued(
        invoice.id, at=at, customer=invoice.customer_id, earned=earned, deferred=invoice.total - earned
    )


def _with_credit(unit: Unit, invoice: Invoice, at: datetime) -> Invoice:
    ledger = LedgerStore(unit)
    zero = Money.zero(invoice.currency)
    credit = max(min(ledger.credit_of(invoice.customer_id, invoice.currency), invoice.total), zero)
    if credit <= zero:
        return invoice
    ledger.append(credit_applied(invoice.id, at=at, customer=invoice.customer_id, amount=credit))
    return replace(invoice, credit=credit)
