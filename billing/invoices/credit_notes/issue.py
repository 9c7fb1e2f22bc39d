"""Issuing a credit note against an invoice that is locked meanwhile, previewing it, and following the money that goes back for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.invoices.credit_notes.note import (
    CreditNote,
    CreditNoteError,
    Destination,
    Reason,
    credited_total,
    where_it_goes,
)
from billing.invoices.credit_notes.share import Asked, left_of, take_amount, take_lines
from billing.invoices.credit_notes.store import CreditNoteStore
from billing.invoices.deferred.lines import PREPAID, advance_in, take_off
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.credit_notes import (
    Taken,
    credit_note_issued,
    credit_note_refunded,
    credit_note_to_balance,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.credit_notes.note import Portion

SERIES = "CN"
_CREDITABLE = {InvoiceStatus.ISSUED, InvoiceStatus.PARTLY_PAID, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRequest:
    """What to take back: `amount` (tax included) of the whole, or single `lines`; neither means all that is left."""

    reason: Reason = Reason.OTHER
    memo: str = ""
    amount: Money | None = None
    lines: tuple[Asked, ...] = ()
    destination: Destination = Destination.BALANCE


def preview_note(
    unit: Unit, invoice_id: str, request: CreditRequest, *, refundable: Money | None, now: datetime
) -> CreditNote:
    """The note that issuing would make now, without a number; stores nothing."""
    return _drawn(unit, InvoiceStore(unit).get(invoice_id), request, refundable, now)


def issue_note(
    unit: Unit, invoice_id: str, request: CreditRequest, *, refundable: Money | None, now: datetime
) -> tuple[CreditNote, Invoice]:
    """Issue a note and book it; the answer has the invoice as it is after. `refundable` is what its payments still hold.

    Raises CreditNoteError for more than is left, or an invoice that cannot be credited.
    """
    store = InvoiceStore(unit)
    invoice = store.lock(invoice_id)
    drawn = _drawn(unit, invoice, request, refundable, now)
    advance = _advance(invoice, drawn, CreditNoteStore(unit).of_invoice(invoice.id))
    number = store.next_number(SERIES)
    note = replace(drawn, number=f"{SERIES}-{number:06d}")
    CreditNoteStore(unit).add(note)
    take_off(unit, invoice.id, advance, at=now)
    LedgerStore(unit).append(
        credit_note_issued(
            note.id,
            at=now,
            customer=invoice.customer_id,
            taken=_taken(note, advance),
            given_up=invoice.status is InvoiceStatus.UNCOLLECTIBLE,
        )
    )
    after = invoice
    if note.settling.applied.amount_minor:
        after = invoice.with_credit_note(note.settling.applied, now)
        store.save(after)
    unit.emit("credit_note.issued", note.id, _told(note, invoice), now)
    if after.status is InvoiceStatus.PAID and invoice.status is not InvoiceStatus.PAID:
        unit.emit("invoice.paid", note.id, {"invoice": invoice.id, "amount": "0"}, now)
    return note, after


def follow_refund(unit: Unit, invoice: Invoice, refund_id: str, amount: Money, *, now: datetime) -> Invoice:
    """After `amount` of an invoice went back and fell due again: what its notes have waiting is credited off it, oldest first."""
    store, left = CreditNoteStore(unit), amount
    for note in store.of_invoice(invoice.id):
        part = min(note.settling.waiting, left, invoice.amount_due)
        if part.amount_minor <= 0:
            continue
        store.save(note.after_refund(part))
        LedgerStore(unit).append(
            credit_note_refunded(note.id, refund_id, at=now, customer=invoice.customer_id, amount=part)
        )
        invoice, left = invoice.with_credit_note(part, now), left - part
    if left != amount:
        InvoiceStore(unit).save(invoice)
    return invoice


def put_on_balance(unit: Unit, note_id: str, *, now: datetime) -> CreditNote:
    """Stop waiting for a refund of this note: what has not gone back becomes credit on the customer's account."""
    store = CreditNoteStore(unit)
    InvoiceStore(unit).lock(store.get(note_id).invoice_id)
    note = store.get(note_id)
    moved = note.to_balance_instead()
    store.save(moved)
    LedgerStore(unit).append(
        credit_note_to_balance(note.id, at=now, customer=note.customer_id, amount=note.settling.waiting)
    )
    return moved


def _drawn(unit: Unit, invoice: Invoice, request: CreditRequest, refundable: Money | None, now: datetime) -> CreditNote:
    _check(invoice, request)
    notes = CreditNoteStore(unit).of_invoice(invoice.id)
    portions = _portions(invoice, notes, request)
    zero = Money.zero(invoice.currency)
    total = sum((portion.gross for portion in portions), zero)
    settled = where_it_goes(
        total, due=invoice.amount_due, refundable=refundable or zero, destination=request.destination
    )
    return CreditNote(
        id=new_id("cn"),
        number="",
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        reason=request.reason,
        memo=request.memo,
        issued_at=now,
        settling=settled,
        portions=tuple(portions),
    )


def _portions(invoice: Invoice, notes: Sequence[CreditNote], request: CreditRequest) -> list[Portion]:
    left = left_of(invoice, notes)
    if request.lines:
        return take_lines(left, request.lines)
    amount = request.amount
    return take_amount(left, invoice.total - credited_total(notes, invoice.currency) if amount is None else amount)


def _check(invoice: Invoice, request: CreditRequest) -> None:
    if invoice.status not in _CREDITABLE:
        raise CreditNoteError(f"an invoice that is {invoice.status.value} cannot be credited", invoice=invoice.id)
    if any(line.kind == PREPAID for line in invoice.lines):
        raise CreditNoteError(
            "this invoice filled a wallet: void it while it is unpaid, or take the credits out of the wallet",
            invoice=invoice.id,
        )
    if request.amount is not None and request.lines:
        raise CreditNoteError("give an amount or lines, not both")
    amounts = [each.amount for each in request.lines if each.amount is not None]
    for amount in (*amounts, *(() if request.amount is None else (request.amount,))):
        if amount.currency != invoice.currency:
            raise CreditNoteError(f"the invoice is in {invoice.currency}", currency=amount.currency)


def _advance(invoice: Invoice, note: CreditNote, earlier: Sequence[CreditNote]) -> dict[int, Money]:
    """What of a note is off what was paid in advance, by the line's place."""
    zero = Money.zero(invoice.currency)
    before: dict[int, Money] = {}
    for portion in (each for one in earlier for each in one.portions):
        before[portion.position] = before.get(portion.position, zero) + portion.net
    return {
        each.position: advance_in(invoice.lines[each.position], before.get(each.position, zero), each.net)
        for each in note.portions
    }


def _taken(note: CreditNote, advance: Mapping[int, Money]) -> Taken:
    deferred = sum(advance.values(), Money.zero(note.currency))
    return Taken(
        earned=note.net - deferred,
        deferred=deferred,
        tax=note.tax,
        applied=note.settling.applied,
        to_balance=note.settling.to_balance,
        to_refund=note.settling.to_refund,
    )


def _told(note: CreditNote, invoice: Invoice) -> dict[str, str]:
    return {
        "credit_note": note.id,
        "number": note.number,
        "invoice": invoice.id,
        "customer": invoice.customer_id,
        "total": note.total.text,
        "currency": note.currency,
    }
