"""Crediting, voiding and giving up invoices, with what follows for their collection and for the money that was paid.

A credit that goes back is prepared in the transaction that issues its note: the note waits, and each refund that arrives is credited off
what it made due again. A process that dies in between leaves prepared refunds, which recovery carries out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.credit_notes.issue import issue_note, preview_note
from billing.invoices.credit_notes.note import Destination
from billing.invoices.credit_notes.store import CreditNoteStore
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.invoices.void import mark_uncollectible, void
from billing.kernel.money import Money
from billing.payments.collection_store import DunningStore
from billing.payments.payment import UNSETTLED_REFUND, DisputeState
from billing.payments.receive import close_dunning
from billing.payments.refund import prepare_refund
from billing.payments.store import DisputeStore, PaymentStore, RefundStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.credit_notes.issue import CreditRequest
    from billing.invoices.credit_notes.note import CreditNote
    from billing.invoices.invoice import Invoice
    from billing.payments.payment import Payment, Refund


def preview_credit(unit: Unit, invoice_id: str, request: CreditRequest, *, now: datetime) -> CreditNote:
    """The credit note that `credit_invoice` would issue now, without a number."""
    invoice = InvoiceStore(unit).get(invoice_id)
    return preview_note(unit, invoice.id, request, refundable=_held(unit, invoice), now=now)


def credit_invoice(
    unit: Unit, invoice_id: str, request: CreditRequest, *, now: datetime
) -> tuple[CreditNote, list[Refund]]:
    """Issue a credit note; the refunds it prepared are to be carried out when this unit of work has ended."""
    invoice = InvoiceStore(unit).lock(invoice_id)
    goes_back = request.destination is Destination.REFUND
    held = _held(unit, invoice) if goes_back else None
    note, after = issue_note(unit, invoice.id, request, refundable=held, now=now)
    if after.status is InvoiceStatus.PAID:
        close_dunning(unit, after, note.id, now)
    refunds = _prepared(unit, invoice, note, now) if note.settling.to_refund.amount_minor else []
    return note, refunds


def void_invoice(unit: Unit, invoice_id: str, *, now: datetime) -> Invoice:
    """Void an invoice and stop collecting it."""
    voided = void(unit, invoice_id, now=now)
    close_dunning(unit, voided, voided.id, now)
    return voided


def give_up_invoice(unit: Unit, invoice_id: str, *, now: datetime) -> Invoice:
    """Mark an invoice uncollectible and stop collecting it: what it locked stays locked."""
    given_up = mark_uncollectible(unit, invoice_id, now=now)
    store = DunningStore(unit)
    dunning = store.find(given_up.id)
    if dunning is not None:
        store.save(dunning.given_up())
    return given_up


def _held(unit: Unit, invoice: Invoice) -> Money:
    """What refunds could bring back of what paid this invoice, beside what earlier notes wait for."""
    zero = Money.zero(invoice.currency)
    waiting = sum((note.settling.waiting for note in CreditNoteStore(unit).of_invoice(invoice.id)), zero)
    return max(sum((left for _, left in _refundable(unit, invoice)), zero) - waiting, zero)


def _refundable(unit: Unit, invoice: Invoice) -> list[tuple[Payment, Money]]:
    """The payments of an invoice that can go back, newest first, with what is left of each beside its surplus."""
    found = []
    for payment in reversed(PaymentStore(unit).of_invoice(invoice.id)):
        disputed = any(each.state is not DisputeState.WON for each in DisputeStore(unit).of_payment(payment.id))
        under_way = any(each.state in UNSETTLED_REFUND for each in RefundStore(unit).of_payment(payment.id))
        left = payment.amount - payment.refunded - payment.surplus
        if payment.surplus.amount_minor == 0 and left.amount_minor > 0 and not disputed and not under_way:
            found.append((payment, left))
    return found


def _prepared(unit: Unit, invoice: Invoice, note: CreditNote, now: datetime) -> list[Refund]:
    refunds, missing = [], note.settling.to_refund
    for payment, left in _refundable(unit, invoice):
        part = min(left, missing)
        if part.amount_minor:
            target = payment.refunded + part
            refunds.append(prepare_refund(unit, payment.id, target=target, reason=note.number, now=now))
            missing -= part
    return refunds
