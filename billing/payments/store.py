"""The queries over payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from billing.kernel.money import Money
from billing.payments.tables import PaymentRow

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money received for one invoice."""

    id: str
    invoice_id: str
    reference: str
    amount: Money
    received_at: datetime


class PaymentStore:
    """Reads and writes the payments of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, payment: Payment) -> None:
        """A payment; a reference that is stored already is a conflict."""
        self._session.add(
            PaymentRow(
                id=payment.id,
                invoice_id=payment.invoice_id,
                reference=payment.reference,
                amount_minor=payment.amount.amount_minor,
                currency=payment.amount.currency,
                received_at=payment.received_at,
            )
        )
        self._session.flush()

    def by_reference(self, reference: str) -> Payment | None:
        """The payment that carries a reference."""
        row = self._session.scalar(select(PaymentRow).where(PaymentRow.reference == reference))
        if row is None:
            return None
        return Payment(
            id=row.id,
            invoice_id=row.invoice_id,
            reference=row.reference,
            amount=Money(row.amount_minor, row.currency),
            received_at=row.received_at,
        )
