"""Money has come in: the payment, the invoice it pays, its collection and the books, in one transaction.

What an invoice no longer needs (it was paid otherwise, or voided, while a provider was at work) is never lost: the customer has it as
credit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.invoice import UNPAID, Invoice, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.payments import payment_received
from billing.payments.collection_store import DunningStore
from billing.payments.dunning import DunningState
from billing.payments.payment import Payment
from billing.payments.store import PaymentStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.payments.attempt import Attempt


def receive_by_hand(unit: Unit, invoice: Invoice, amount: Money, *, reference: str, now: datetime) -> Invoice:
    """A payment made elsewhere, of at most what is due. The invoice is locked by the caller."""
    paid = invoice.with_payment(amount, now)
    payment = Payment(
        id=new_id("pay"),
        invoice_id=invoice.id,
        reference=reference,
        amount=amount,
        received_at=now,
        surplus=Money.zero(amount.currency),
        refunded=Money.zero(amount.currency),
    )
    _store(unit, payment, before=invoice, after=paid, now=now)
    return paid


def receive_from_provider(unit: Unit, invoice: Invoice, attempt: Attempt, *, charge: str, now: datetime) -> Invoice:
    """What an attempt took, whatever became of the invoice meanwhile. The invoice is locked by the caller."""
    wanted = min(attempt.amount, invoice.amount_due) if invoice.status in UNPAID else Money.zero(invoice.currency)
    paid = invoice.with_payment(wanted, now) if wanted.amount_minor else invoice
    payment = Payment(
        id=new_id("pay"),
        invoice_id=invoice.id,
        reference=f"{attempt.provider}:{charge}",
        amount=attempt.amount,
        received_at=now,
        surplus=attempt.amount - wanted,
        refunded=Money.zero(invoice.currency),
        provider=attempt.provider,
        charge=charge,
        attempt_id=attempt.id,
    )
    _store(unit, payment, before=invoice, after=paid, now=now)
    return paid


def _store(unit: Unit, payment: Payment, *, before: Invoice, after: Invoice, now: datetime) -> None:
    PaymentStore(unit).add(payment)
    LedgerStore(unit).append(
        payment_received(
            payment.id,
            at=now,
            customer=before.customer_id,
            amount=payment.amount,
            surplus=payment.surplus,
            given_up=before.status is InvoiceStatus.UNCOLLECTIBLE,
        )
    )
    document = {
        "invoice": before.id,
        "payment": payment.id,
        "amount": payment.amount.text,
        "currency": before.currency,
    }
    unit.emit("payment.succeeded", payment.id, {**document, "surplus": payment.surplus.text}, now)
    if after is not before:
        InvoiceStore(unit).save(after)
    if after.status is InvoiceStatus.PAID and before.status is not InvoiceStatus.PAID:
        unit.emit("invoice.paid", payment.id, document, now)
        close_dunning(unit, after, payment.id, now)


def close_dunning(unit: Unit, invoice: Invoice, cause: str, now: datetime) -> None:
    """Nothing more is to be collected of an invoice that is paid; what was past due is recovered."""
    store = DunningStore(unit)
    dunning = store.find(invoice.id)
    if dunning is None:
        return
    closed = dunning.settled()
    store.save(closed)
    if closed.state is DunningState.RECOVERED and dunning.state is not DunningState.RECOVERED:
        told = {"invoice": invoice.id, "customer": invoice.customer_id, "failures": closed.failures}
        unit.emit("payment.recovered", cause, told, now)
