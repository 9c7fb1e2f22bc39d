"""The queries that look for what is not whole in payments: what came in and went back, read in pages and summed by the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from billing.payments.payment import DisputeState, RefundState
from billing.payments.tables import DisputeRow, PaymentRow, RefundRow

if TYPE_CHECKING:
    from billing.db.session import Unit


class PaymentAudit:
    """Reads the payments of one tenant as an auditor does; every amount is in minor units, what came in positive."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def payments(self, *, after: str = "", limit: int) -> list[tuple[str, str, str, int]]:
        """(id, invoice, currency, amount) of payments, by id from `after` on."""
        row = PaymentRow
        query = select(row.id, row.invoice_id, row.currency, row.amount_minor).where(row.id > after)
        rows = self._session.execute(query.order_by(row.id).limit(limit))
        return [(payment, invoice, currency, minor) for payment, invoice, currency, minor in rows]

    def refunds(self, *, after: str = "", limit: int) -> list[tuple[str, str, str, int]]:
        """(id, payment, currency, amount) of refunds that were made, by id from `after` on."""
        row = RefundRow
        query = (
            select(row.id, row.payment_id, row.currency, row.amount_minor)
            .where(row.id > after, row.state == RefundState.SUCCEEDED.value)
            .order_by(row.id)
            .limit(limit)
        )
        rows = self._session.execute(query)
        return [(refund, payment, currency, minor) for refund, payment, currency, minor in rows]

    def refunded_otherwise(self) -> list[tuple[str, str, int, int]]:
        """(payment, currency, stored, made) of payments that say another sum was refunded than their refunds add up to."""
        made = func.coalesce(func.sum(RefundRow.amount_minor), 0)
        joined = (RefundRow.payment_id == PaymentRow.id) & (RefundRow.state == RefundState.SUCCEEDED.value)
        query = (
            select(PaymentRow.id, PaymentRow.currency, PaymentRow.refunded_minor, made)
            .outerjoin(RefundRow, joined)
            .group_by(PaymentRow.tenant_id, PaymentRow.id)
            .having(PaymentRow.refunded_minor != made)
            .order_by(PaymentRow.id)
        )
        found = self._session.execute(query)
        return [(payment, currency, stored, int(total)) for payment, currency, stored, total in found]

    def paid_of(self, invoice_ids: list[str]) -> dict[str, int]:
        """What payments brought to each of these invoices: less their surplus, less what went back of the rest."""
        row = PaymentRow
        from_rest = func.coalesce(
            func.sum(row.refunded_minor - row.surplus_minor).filter(row.refunded_minor > row.surplus_minor), 0
        )
        query = (
            select(row.invoice_id, func.sum(row.amount_minor - row.surplus_minor), from_rest)
            .where(row.invoice_id.in_(invoice_ids))
            .group_by(row.invoice_id)
        )
        return {invoice: int(came) - int(went) for invoice, came, went in self._session.execute(query)}

    def in_hand(self) -> dict[str, int]:
        """What all payments, refunds and disputes leave in hand, by currency; fees of disputes are gone for good."""
        found: dict[str, int] = {}
        came = select(PaymentRow.currency, func.sum(PaymentRow.amount_minor)).group_by(PaymentRow.currency)
        went = (
            select(RefundRow.currency, -func.sum(RefundRow.amount_minor))
            .where(RefundRow.state == RefundState.SUCCEEDED.value)
            .group_by(RefundRow.currency)
        )
        by_payment = select(PaymentRow.currency, -func.sum(DisputeRow.fee_minor)).join(
            PaymentRow, PaymentRow.id == DisputeRow.payment_id
        )
        fees = by_payment.group_by(PaymentRow.currency)
        taken = select(PaymentRow.currency, -func.sum(DisputeRow.amount_minor)).join(
            PaymentRow, PaymentRow.id == DisputeRow.payment_id
        )
        kept = taken.where(DisputeRow.state != DisputeState.WON.value).group_by(PaymentRow.currency)
        for query in (came, went, fees, kept):
            for currency, minor in self._session.execute(query):
                found[currency] = found.get(currency, 0) + int(minor)
        return found
