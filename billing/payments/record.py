"""Recording a payment that came in elsewhere, whole or in part: the invoice and the books are told, once per reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import ConflictError
from billing.payments.receive import close_dunning, receive_by_hand
from billing.payments.store import PaymentStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice
    from billing.kernel.money import Money


def record_payment(
    unit: Unit, invoice_id: str, *, reference: str, now: datetime, amount: Money | None = None
) -> Invoice:
    """Take `amount` (or all that is due) as received. The same reference again answers the same; for anything else it is refused."""
    invoice = InvoiceStore(unit).lock(invoice_id)
    known = PaymentStore(unit).by_reference(reference)
    if known is not None:
        if known.invoice_id != invoice.id:
            raise ConflictError("this reference paid another invoice", reference=reference)
        if amount is not None and known.amount != amount:
            raise ConflictError(f"this reference paid {known.amount}", reference=reference)
        return invoice
    due = invoice.amount_due if amount is None else amount
    if amount is not None or due.amount_minor > 0:
        return receive_by_hand(unit, invoice, due, reference=reference, now=now)
    paid = invoice.moved_to(InvoiceStatus.PAID, now)
    InvoiceStore(unit).save(paid)
    unit.emit("invoice.paid", invoice.id, {"invoice": invoice.id, "amount": due.text}, now)
    close_dunning(unit, paid, invoice.id, now)
    return paid
