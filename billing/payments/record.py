"""Recording a payment that came in elsewhere: the invoice is paid and the books are told, once per reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import ConflictError
from billing.kernel.ids import new_id
from billing.ledger.store import LedgerStore
from billing.ledger.templates.payments import payment_received
from billing.payments.store import Payment, PaymentStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice


def record_payment(unit: Unit, invoice_id: str, *, reference: str, now: datetime) -> Invoice:
    """Take an invoice's amount due as received. The same reference again answers the same; another one is refused."""
    store = InvoiceStore(unit)
    invoice = store.lock(invoice_id)
    known = PaymentStore(unit).by_reference(reference)
    if known is not None:
        if known.invoice_id != invoice.id:
            raise ConflictError("this reference paid another invoice", reference=reference)
        return invoice
    due = invoice.amount_due
    paid = invoice.with_payment(due, now) if due.amount_minor > 0 else invoice.moved_to(InvoiceStatus.PAID, now)
    if due.amount_minor > 0:
        payment = Payment(id=new_id("pay"), invoice_id=invoice.id, reference=reference, amount=due, received_at=now)
        PaymentStore(unit).add(payment)
        LedgerStore(unit).append(payment_received(payment.id, at=now, customer=invoice.customer_id, amount=due))
    store.save(paid)
    unit.emit("invoice.paid", invoice.id, {"invoice": invoice.id, "amount": due.text}, now)
    return paid
