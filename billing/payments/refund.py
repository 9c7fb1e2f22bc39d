"""Giving money back: prepared, asked of the provider, written down; of a payment by hand, written down alone.

What goes back falls due again, and nothing is taken for it by itself: a credit note that waits for it takes it off, or a person says
what comes next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.credit_notes.issue import follow_refund
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import NotFoundError
from billing.kernel.ids import new_id
from billing.ledger.store import LedgerStore
from billing.ledger.templates.payments import payment_refunded
from billing.payments.collection_store import DunningStore
from billing.payments.dunning import Dunning
from billing.payments.payment import (
    UNSETTLED_REFUND,
    DisputeState,
    Payment,
    Refund,
    RefundError,
    RefundOpenError,
    RefundState,
)
from billing.payments.provider import Outcome, Succeeded
from billing.payments.receive import close_dunning
from billing.payments.store import DisputeStore, PaymentStore, RefundStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.invoices.invoice import Invoice
    from billing.kernel.money import Money
    from billing.payments.provider import PaymentProvider


class RefundNotFoundError(NotFoundError):
    """No such refund of this tenant."""

    code = "refund_not_found"


def prepare_refund(unit: Unit, payment_id: str, *, target: Money, reason: str, now: datetime) -> Refund:
    """Write down that the refunds of a payment are to come to `target` in all; a target that is reached answers its last refund.

    A payment by hand was given back by hand: its refund is settled at once.
    """
    payment = PaymentStore(unit).get(payment_id)
    invoice = InvoiceStore(unit).lock(payment.invoice_id)
    payment = PaymentStore(unit).get(payment_id)
    earlier = RefundStore(unit).of_payment(payment.id)
    under_way = [each for each in earlier if each.state in UNSETTLED_REFUND]
    if under_way and under_way[0].target == target:
        return under_way[0]
    if under_way or any(each.state is not DisputeState.WON for each in DisputeStore(unit).of_payment(payment.id)):
        raise RefundOpenError("a refund of this payment is under way, or a bank disputes it", payment=payment.id)
    amount = payment.next_refund(target)
    if amount.amount_minor == 0:
        return next(each for each in reversed(earlier) if each.state is RefundState.SUCCEEDED)
    _check_credit(unit, invoice, payment.refund_from_surplus(amount))
    refund = Refund(
        id=new_id("ref"),
        payment_id=payment.id,
        amount=amount,
        target=target,
        state=RefundState.PREPARED,
        reason=reason,
        prepared_at=now,
    )
    RefundStore(unit).add(refund)
    hold(unit, invoice)
    if payment.provider is None:
        return settle_refund(unit, refund.id, Succeeded(reference=refund.id, amount=amount), now=now)
    return refund


def carry_out_refund(
    database: Database, scope: Scope, provider: PaymentProvider, refund_id: str, *, now: datetime
) -> Refund:
    """Ask the provider for a prepared refund and write down its answer. Raises ProviderUnavailableError when there was none."""
    with database.view(scope) as unit:
        refund = _existing(unit, refund_id)
        payment = PaymentStore(unit).get(refund.payment_id)
    if refund.state is not RefundState.PREPARED:
        return refund
    outcome = provider.refund(refund.request(payment))
    with database.unit(scope) as unit:
        return settle_refund(unit, refund.id, outcome, now=now)


def settle_refund(unit: Unit, refund_id: str, outcome: Outcome, *, now: datetime) -> Refund:
    """Write down what became of a refund: the payment, its invoice and the books. The same answer again changes nothing."""
    payment = PaymentStore(unit).get(_existing(unit, refund_id).payment_id)
    invoice = InvoiceStore(unit).lock(payment.invoice_id)
    refund, payment = _existing(unit, refund_id), PaymentStore(unit).get(payment.id)
    if isinstance(outcome, Succeeded) and outcome.amount != refund.amount:
        raise RefundError("the provider gave back another amount", refund=refund.id, amount=str(outcome.amount))
    later = refund.after(outcome, now)
    if later == refund:
        return refund
    RefundStore(unit).save(later)
    if later.state is RefundState.SUCCEEDED:
        _book(unit, invoice, payment, later, now)
    if later.state in {RefundState.SUCCEEDED, RefundState.FAILED}:
        told = {"refund": later.id, "payment": payment.id, "invoice": invoice.id, "amount": later.amount.text}
        kind = "payment.refunded" if later.state is RefundState.SUCCEEDED else "refund.failed"
        unit.emit(kind, later.id, {**told, "code": later.code}, now)
    return later


def hold(unit: Unit, invoice: Invoice) -> None:
    """Take nothing more for this invoice by itself."""
    store = DunningStore(unit)
    known = store.find(invoice.id) or Dunning(invoice_id=invoice.id, customer_id=invoice.customer_id)
    store.save(known.held())


def _book(unit: Unit, invoice: Invoice, payment: Payment, refund: Refund, now: datetime) -> None:
    surplus = payment.refund_from_surplus(refund.amount)
    falls_due = refund.amount - surplus
    PaymentStore(unit).save_refunded(payment.after_refund(refund.amount))
    LedgerStore(unit).append(
        payment_refunded(
            refund.id,
            at=now,
            customer=invoice.customer_id,
            amount=refund.amount,
            surplus=surplus,
            given_up=invoice.status is InvoiceStatus.UNCOLLECTIBLE,
        )
    )
    if falls_due.amount_minor:
        later = invoice.with_refund(falls_due, now)
        InvoiceStore(unit).save(later)
        if follow_refund(unit, later, refund.id, falls_due, now=now).status is InvoiceStatus.PAID:
            close_dunning(unit, later, refund.id, now)


def _check_credit(unit: Unit, invoice: Invoice, surplus: Money) -> None:
    """A surplus became credit; what was spent of it since cannot go back too."""
    if surplus.amount_minor and LedgerStore(unit).credit_of(invoice.customer_id, surplus.currency) < surplus:
        raise RefundError("the credit of this payment was spent already", surplus=str(surplus))


def _existing(unit: Unit, refund_id: str) -> Refund:
    found = RefundStore(unit).find(refund_id)
    if found is None:
        raise RefundNotFoundError("there is no such refund", refund=refund_id[:60])
    return found
