"""Taking back an issued invoice that nothing was paid of, and giving up one that will not be paid.

A void invoice asks for nothing and says so; its number stays used, and what it billed is not billed again by itself. One that something
was paid or credited of is credited instead: a credit note says what.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.invoices.deferred.lines import take_all
from billing.invoices.invoice import Invoice, InvoiceStateError, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.invoices import credit_returned, invoice_voided
from billing.ledger.templates.payments import invoice_given_up
from billing.wallets.spend import give_back

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


def void(unit: Unit, invoice_id: str, *, now: datetime) -> Invoice:
    """Take an issued invoice back: its booking is reversed, what credit and wallets paid returns. Again, it changes nothing.

    Raises InvoiceStateError for a draft, and for an invoice that something was paid or credited of.
    """
    store, books = InvoiceStore(unit), LedgerStore(unit)
    invoice = store.lock(invoice_id)
    if invoice.status is InvoiceStatus.VOID:
        return invoice
    if invoice.paid.amount_minor or invoice.credited.amount_minor:
        raise InvoiceStateError(
            "something was paid or credited of it; make a credit note instead",
            invoice=invoice.id,
            status=invoice.status.value,
        )
    zero = Money.zero(invoice.currency)
    voided = replace(invoice.moved_to(InvoiceStatus.VOID, now), credit=zero, prepaid=zero)
    issued = books.get(f"invoice_issued:{invoice.id}")
    if issued is not None:
        books.append(invoice_voided(invoice.id, at=now, issued=issued))
    if invoice.credit.amount_minor:
        books.append(credit_returned(invoice.id, at=now, customer=invoice.customer_id, amount=invoice.credit))
    if invoice.prepaid.amount_minor:
        give_back(unit, invoice.id, now)
    store.save(voided)
    take_all(unit, invoice.id, at=now)
    unit.emit("invoice.voided", invoice.id, _told(invoice), now)
    return voided


def mark_uncollectible(unit: Unit, invoice_id: str, *, now: datetime) -> Invoice:
    """Give up what is due of an invoice: it is bad debt from now on, which a late payment may still mend. Again, it changes nothing."""
    store = InvoiceStore(unit)
    invoice = store.lock(invoice_id)
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        return invoice
    given_up = invoice.moved_to(InvoiceStatus.UNCOLLECTIBLE, now)
    store.save(given_up)
    time = 1
    while not LedgerStore(unit).append(
        invoice_given_up(invoice.id, at=now, customer=invoice.customer_id, amount=invoice.amount_due, time=time)
    ):
        time += 1
    unit.emit("invoice.uncollectible", f"{invoice.id}:{time}", _told(invoice), now)
    return given_up


def _told(invoice: Invoice) -> dict[str, str | None]:
    return {
        "invoice": invoice.id,
        "number": invoice.number,
        "customer": invoice.customer_id,
        "total": invoice.total.text,
        "due": invoice.amount_due.text,
        "currency": invoice.currency,
    }
