"""The queries over payments, refunds, disputes and the messages of providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, or_, select, update

from billing.db.documents import dump
from billing.db.upsert import insert_new
from billing.kernel.money import Money
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.payments.payment import (
    UNSETTLED_REFUND,
    Dispute,
    DisputeState,
    Payment,
    PaymentNotFoundError,
    Refund,
    RefundState,
)
from billing.payments.tables import DisputeRow, PaymentRow, ProviderEventRow, RefundRow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Update

    from billing.db.base import TenantRow
    from billing.db.session import Unit
    from billing.payments.provider import ProviderEvent

_UNSETTLED = sorted(state.value for state in UNSETTLED_REFUND)


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
                provider=payment.provider,
                charge=payment.charge,
                attempt_id=payment.attempt_id,
                surplus_minor=payment.surplus.amount_minor,
                refunded_minor=payment.refunded.amount_minor,
            )
        )
        self._session.flush()

    def save_refunded(self, payment: Payment) -> None:
        """What went back of a payment."""
        change = _change(PaymentRow).where(PaymentRow.id == payment.id)
        self._session.execute(change.values(refunded_minor=payment.refunded.amount_minor))
        self._session.expire_all()

    def get(self, payment_id: str) -> Payment:
        """A payment by its id."""
        row = self._session.scalar(select(PaymentRow).where(PaymentRow.id == payment_id))
        if row is None:
            raise PaymentNotFoundError("there is no such payment", payment=payment_id[:60])
        return _payment(row)

    def by_reference(self, reference: str) -> Payment | None:
        """The payment that carries a reference."""
        row = self._session.scalar(select(PaymentRow).where(PaymentRow.reference == reference))
        return None if row is None else _payment(row)

    def of_invoice(self, invoice_id: str) -> list[Payment]:
        """The payments of an invoice, oldest first."""
        query = select(PaymentRow).where(PaymentRow.invoice_id == invoice_id).order_by(PaymentRow.id)
        return [_payment(row) for row in self._session.scalars(query)]

    def page(self, *, limit: int, cursor: str | None = None, invoice_id: str | None = None) -> Page[Payment]:
        """Payments, newest first."""
        query = select(PaymentRow).order_by(PaymentRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(PaymentRow.id < decode_cursor(cursor))
        if invoice_id is not None:
            query = query.where(PaymentRow.invoice_id == invoice_id)
        rows = list(self._session.scalars(query))
        items = tuple(_payment(row) for row in rows[:limit])
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)


class RefundStore:
    """Reads and writes what goes back."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, refund: Refund) -> None:
        """A refund, before its provider is asked; a second open one of a payment is a conflict."""
        self._session.add(
            RefundRow(
                id=refund.id,
                payment_id=refund.payment_id,
                amount_minor=refund.amount.amount_minor,
                target_minor=refund.target.amount_minor,
                currency=refund.amount.currency,
                reason=refund.reason,
                prepared_at=refund.prepared_at,
                **_refund_changes(refund),
            )
        )
        self._session.flush()

    def save(self, refund: Refund) -> None:
        """Its new state."""
        change = _change(RefundRow).where(RefundRow.id == refund.id)
        self._session.execute(change.values(**_refund_changes(refund)))
        self._session.expire_all()

    def find(self, refund_id: str) -> Refund | None:
        """A refund by its id."""
        row = self._session.scalar(select(RefundRow).where(RefundRow.id == refund_id))
        return None if row is None else _refund(row)

    def of_payment(self, payment_id: str) -> list[Refund]:
        """The refunds of a payment, oldest first."""
        query = select(RefundRow).where(RefundRow.payment_id == payment_id).order_by(RefundRow.id)
        return [_refund(row) for row in self._session.scalars(query)]

    def unsettled(self, before: datetime, *, limit: int = 500) -> list[Refund]:
        """Refunds of unknown outcome that were prepared at `before` or earlier, oldest first."""
        query = select(RefundRow).where(RefundRow.state.in_(_UNSETTLED), RefundRow.prepared_at <= before)
        return [_refund(row) for row in self._session.scalars(query.order_by(RefundRow.id).limit(limit))]


class DisputeStore:
    """Reads and writes disputes."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, dispute: Dispute) -> None:
        """A dispute that was opened."""
        self._session.add(
            DisputeRow(
                id=dispute.id,
                payment_id=dispute.payment_id,
                amount_minor=dispute.amount.amount_minor,
                fee_minor=dispute.fee.amount_minor,
                currency=dispute.amount.currency,
                state=dispute.state.value,
                opened_at=dispute.opened_at,
                closed_at=dispute.closed_at,
            )
        )
        self._session.flush()

    def save(self, dispute: Dispute) -> None:
        """How it was decided."""
        change = _change(DisputeRow).where(DisputeRow.id == dispute.id)
        self._session.execute(change.values(state=dispute.state.value, closed_at=dispute.closed_at))
        self._session.expire_all()

    def find(self, dispute_id: str) -> Dispute | None:
        """A dispute by its id."""
        row = self._session.scalar(select(DisputeRow).where(DisputeRow.id == dispute_id))
        return None if row is None else _dispute(row)

    def of_payment(self, payment_id: str) -> list[Dispute]:
        """The disputes of a payment, oldest first."""
        query = select(DisputeRow).where(DisputeRow.payment_id == payment_id)
        return [_dispute(row) for row in self._session.scalars(query.order_by(DisputeRow.opened_at, DisputeRow.id))]

    def recent(self, *, limit: int, state: DisputeState | None = None) -> list[Dispute]:
        """Disputes, newest first."""
        query = select(DisputeRow).order_by(DisputeRow.opened_at.desc(), DisputeRow.id).limit(limit)
        if state is not None:
            query = query.where(DisputeRow.state == state.value)
        return [_dispute(row) for row in self._session.scalars(query)]


class ProviderEventStore:
    """What providers told us, once a message."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add_new(self, provider: str, event: ProviderEvent, *, outcome: str, now: datetime) -> bool:
        """Keep a message; one that is kept already changes nothing and answers False."""
        row = {
            "provider": provider,
            "id": event.id,
            "name": event.name,
            "outcome": outcome,
            "document": dict(event.document),
            "received_at": now,
        }
        return bool(insert_new(self._session, ProviderEventRow, [row], (ProviderEventRow.id,)))

    def decide(self, provider: str, event_id: str, outcome: str) -> None:
        """What became of a message."""
        change = _change(ProviderEventRow).where(ProviderEventRow.provider == provider, ProviderEventRow.id == event_id)
        self._session.execute(change.values(outcome=outcome))
        self._session.expire_all()

    def forget(self, words: Iterable[str]) -> int:
        """Blank messages in which any of these words stands as a text of its own; how many. What became of them stays."""
        told = cast(ProviderEventRow.document, String)
        holds = or_(*(told.contains(dump(word), autoescape=True) for word in words))
        found = list(self._session.execute(select(ProviderEventRow.provider, ProviderEventRow.id).where(holds)))
        for provider, event in found:
            mine = _change(ProviderEventRow).where(ProviderEventRow.provider == provider, ProviderEventRow.id == event)
            self._session.execute(mine.values(document={}))
        self._session.expire_all()
        return len(found)

    def outcome(self, provider: str, event_id: str) -> str | None:
        """What became of a message; None when it never came."""
        query = select(ProviderEventRow.outcome)
        return self._session.scalar(query.where(ProviderEventRow.provider == provider, ProviderEventRow.id == event_id))


def _payment(row: PaymentRow) -> Payment:
    return Payment(
        id=row.id,
        invoice_id=row.invoice_id,
        reference=row.reference,
        amount=Money(row.amount_minor, row.currency),
        received_at=row.received_at,
        surplus=Money(row.surplus_minor, row.currency),
        refunded=Money(row.refunded_minor, row.currency),
        provider=row.provider,
        charge=row.charge,
        attempt_id=row.attempt_id,
    )


def _refund_changes(refund: Refund) -> dict[str, Any]:
    return {
        "state": refund.state.value,
        "reference": refund.reference,
        "code": refund.code,
        "settled_at": refund.settled_at,
    }


def _refund(row: RefundRow) -> Refund:
    return Refund(
        id=row.id,
        payment_id=row.payment_id,
        amount=Money(row.amount_minor, row.currency),
        target=Money(row.target_minor, row.currency),
        state=RefundState(row.state),
        reason=row.reason,
        prepared_at=row.prepared_at,
        reference=row.reference,
        code=row.code,
        settled_at=row.settled_at,
    )


def _dispute(row: DisputeRow) -> Dispute:
    return Dispute(
        id=row.id,
        payment_id=row.payment_id,
        amount=Money(row.amount_minor, row.currency),
        fee=Money(row.fee_minor, row.currency),
        state=DisputeState(row.state),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )


def _change(row: type[TenantRow]) -> Update:
    """A change of rows; what the session has read of them is forgotten by the caller."""
    return update(row).execution_options(synchronize_session=False)
