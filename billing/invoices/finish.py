"""Making drafts final, many in one transaction: usage rated, terms settled, numbers given, the books told.

Usage counts by event time, so what arrived late but before a draft closed is on it. What one draft cannot be rated for fails that draft
alone: it keeps the reason and is tried again. Numbers are taken in the order in which drafts closed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.invoices.build import usage_lines
from billing.invoices.deferred.lines import PREPAID, advance_of
from billing.invoices.facts import due_date
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.parties import parties
from billing.invoices.settlement import settled
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import UptierError
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.invoices import credit_applied, invoice_issued
from billing.wallets.spend import burn_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.cards import Cards
    from billing.invoices.facts import Facts
    from billing.invoices.usage import UsageReader
    from billing.ledger.posting import Transaction

SERIES = "INV"


@dataclass(frozen=True, slots=True)
class Finished:
    """Drafts after their time: those that are final now, and those that could not be rated, with the reason on them."""

    issued: tuple[Invoice, ...]
    failed: tuple[Invoice, ...]


def finish(
    unit: Unit, drafts: Sequence[Invoice], cards: Cards, facts: Facts, usage: UsageReader, *, now: datetime
) -> Finished:
    """Rate, settle, number and book these drafts; the caller writes the invoices themselves. `issued_at` is when a draft closed."""
    usage.read(drafts, cards)
    rated: list[Invoice] = []
    failed: list[Invoice] = []
    for draft in sorted(drafts, key=lambda invoice: (invoice.closes_at, invoice.id)):
        try:
            rated.append(_rated(draft, cards, facts, usage))
        except UptierError as error:
            failed.append(replace(draft, status=InvoiceStatus.FAILED, failure=error.detail[:500]))
    return Finished(tuple(issue_rated(unit, rated, facts, now=now)), tuple(failed))


def issue_rated(unit: Unit, rated: Sequence[Invoice], facts: Facts, *, now: datetime) -> list[Invoice]:
    """Number, book and tell of invoices whose lines are whole, in the order given; the caller stores them and defers their lines."""
    if not rated:
        return []
    first = InvoiceStore(unit).take_numbers(SERIES, len(rated))
    issued, books = [], []
    for place, invoice in enumerate(rated):
        at = min(now, invoice.closes_at)
        number = f"{facts.seller.invoice_prefix or SERIES}-{first + place:06d}"
        final = replace(
            invoice.moved_to(InvoiceStatus.ISSUED, at, number=number),
            rated_at=now,
            due_at=due_date(at, facts.seller.payment_terms_days),
            parties=parties(facts.seller, facts.customers[invoice.customer_id]),
        )
        books.append(_posting(final, at))
        paid = _paid_from_account(final, facts, books, at)
        issued.append(_paid_from_wallet(unit, paid, facts, now).settled_as(at))
    LedgerStore(unit).append_many(books)
    for invoice in issued:
        payload = {"invoice": invoice.id, "number": invoice.number, "total": invoice.total.text}
        unit.emit("invoice.issued", invoice.id, payload, invoice.issued_at or now)
        if invoice.status is InvoiceStatus.PAID:
            unit.emit("invoice.paid", invoice.id, {"invoice": invoice.id, "amount": "0"}, invoice.issued_at or now)
    return issued


def _rated(draft: Invoice, cards: Cards, facts: Facts, usage: UsageReader) -> Invoice:
    lines = usage_lines(draft, cards, usage.of(draft), facts.billed_early(draft))
    whole = replace(draft, lines=(*draft.lines, *lines))
    done = settled(replace(whole, summary={}), facts.settlement(whole, draft.sequence or 0))
    return replace(done, summary={**done.summary, **draft.summary})


def _posting(invoice: Invoice, at: datetime) -> Transaction:
    zero = Money.zero(invoice.currency)
    earned = sum((line.net - advance_of(line) for line in invoice.lines), zero)
    tax = invoice.tax
    return invoice_issued(
        invoice.id,
        at=at,
        customer=invoice.customer_id,
        earned=earned,
        deferred=invoice.net - earned,
        tax=tax if tax.amount_minor else None,
    )


def _paid_from_account(invoice: Invoice, facts: Facts, books: list[Transaction], at: datetime) -> Invoice:
    """What the customer has as credit pays first; an invoice that nothing is left of is paid."""
    credit = facts.take_credit(invoice.customer_id, invoice.total)
    if credit.amount_minor:
        books.append(credit_applied(invoice.id, at=at, customer=invoice.customer_id, amount=credit))
    return replace(invoice, credit=credit)


def _paid_from_wallet(unit: Unit, invoice: Invoice, facts: Facts, now: datetime) -> Invoice:
    """What the customer paid beforehand pays next."""
    due = invoice.amount_due
    fills = any(line.kind == PREPAID for line in invoice.lines)  # a wallet does not pay for what fills it
    if fills or not due.amount_minor or not facts.has_prepaid(invoice.customer_id, invoice.currency):
        return invoice
    return replace(invoice, prepaid=burn_for(unit, invoice.customer_id, invoice.id, due, now))
