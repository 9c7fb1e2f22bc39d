"""The queries over deferred lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, or_, select, tuple_, update

from billing.invoices.deferred.schedule import Schedule
from billing.invoices.deferred.tables import DeferredLineRow
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


class DeferredStore:
    """Reads and writes the deferred lines of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add_many(self, schedules: Sequence[Schedule]) -> None:
        """Lines that were just invoiced."""
        if schedules:
            self._session.execute(insert(DeferredLineRow), [_row(each) for each in schedules])

    def save_many(self, schedules: Sequence[Schedule]) -> None:
        """How far they have been earned, and what is left to earn."""
        if schedules:
            tenant_id = self._session.scope.tenant_id
            self._session.execute(
                update(DeferredLineRow).execution_options(synchronize_session=False),
                [{"tenant_id": tenant_id, **_row(each)} for each in schedules],
            )
            self._session.expire_all()

    def lock_of(self, invoice_id: str) -> list[Schedule]:
        """The lines of an invoice, to change, in order."""
        query = select(DeferredLineRow).where(DeferredLineRow.invoice_id == invoice_id)
        return self._read(query.order_by(DeferredLineRow.position).with_for_update())

    def of(self, invoice_id: str) -> list[Schedule]:
        """The lines of an invoice, to read, in order."""
        query = select(DeferredLineRow).where(DeferredLineRow.invoice_id == invoice_id)
        return self._read(query.order_by(DeferredLineRow.position))

    def lock_due(self, until: datetime, *, limit: int) -> list[Schedule]:
        """Lines with a day to earn that ended by `until`, which nobody else holds; locked until the unit ends."""
        query = (
            select(DeferredLineRow)
            .where(DeferredLineRow.due_at <= until)
            .order_by(DeferredLineRow.due_at, DeferredLineRow.invoice_id, DeferredLineRow.position)
            .limit(limit)
        )
        return self._read(query.with_for_update(skip_locked=True))

    def has_due(self, until: datetime) -> bool:
        """Whether there is one."""
        query = select(DeferredLineRow.invoice_id).where(DeferredLineRow.due_at <= until)
        return self._session.scalar(query.limit(1)) is not None

    def deferred(self) -> dict[str, int]:
        """What is not earned yet, in minor units by currency."""
        left = func.sum(DeferredLineRow.amount_minor - DeferredLineRow.recognised_minor)
        rows = self._session.execute(select(DeferredLineRow.currency, left).group_by(DeferredLineRow.currency))
        return {currency: int(minor) for currency, minor in rows}

    def unfinished(self, *, batch: int = 1_000) -> Iterator[Schedule]:
        """Every line that is not earned in full, a batch at a time."""
        row, after = DeferredLineRow, ("", -1)
        while True:
            query = (
                select(row)
                .where(or_(row.due_at.is_not(None), row.amount_minor != row.recognised_minor))
                .where(tuple_(row.invoice_id, row.position) > after)
                .order_by(row.invoice_id, row.position)
                .limit(batch)
            )
            found = self._read(query)
            yield from found
            if len(found) < batch:
                return
            after = (found[-1].invoice_id, found[-1].position)

    def _read(self, query: Select[DeferredLineRow]) -> list[Schedule]:
        return [_schedule(row) for row in self._session.scalars(query)]


def _row(schedule: Schedule) -> dict[str, Any]:
    return {
        "invoice_id": schedule.invoice_id,
        "position": schedule.position,
        "customer_id": schedule.customer_id,
        "currency": schedule.amount.currency,
        "issued_at": schedule.issued_at,
        "starts_at": schedule.starts_at,
        "ends_at": schedule.ends_at,
        "amount_minor": schedule.amount.amount_minor,
        "recognised_minor": schedule.recognised.amount_minor,
        "due_at": schedule.due_at,
    }


def _schedule(row: DeferredLineRow) -> Schedule:
    return Schedule(
        invoice_id=row.invoice_id,
        position=row.position,
        customer_id=row.customer_id,
        issued_at=row.issued_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        amount=Money(row.amount_minor, row.currency),
        recognised=Money(row.recognised_minor, row.currency),
        due_at=row.due_at,
    )
