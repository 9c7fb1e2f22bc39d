"""The queries over box plans, periods and shelves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from features.boxes.box_plan import (
    BoxPeriod,
    BoxPlan,
    BoxPlanNotFoundError,
    PeriodNotFoundError,
    PeriodState,
    ShelfItem,
    box_plan_from,
)
from features.boxes.tables import BoxPeriodRow, BoxPlanRow, ShelfRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


LATECOMERS = timedelta(hours=1)
"""How often subscribers that came after their period's choice are looked for."""


class BoxPlanStore:
    """Reads and writes the box plans of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def put(self, plan: BoxPlan, now: datetime) -> None:
        """A box plan, in place of the one of its key."""
        row = self._session.scalar(select(BoxPlanRow).where(BoxPlanRow.key == plan.key))
        if row is None:
            row = BoxPlanRow(key=plan.key)
            self._session.add(row)
        row.document, row.changed_at = plan.to_document(), now
        self._session.flush()

    def get(self, key: str) -> BoxPlan:
        """One box plan."""
        row = self._session.scalar(select(BoxPlanRow).where(BoxPlanRow.key == key))
        if row is None:
            raise BoxPlanNotFoundError(f"there is no box plan {key[:60]!r}", key=key[:200])
        return box_plan_from(row.key, row.document)

    def all(self) -> dict[str, BoxPlan]:
        """Every box plan by the plan whose subscribers it is for."""
        rows = self._session.scalars(select(BoxPlanRow).order_by(BoxPlanRow.key))
        return {row.key: box_plan_from(row.key, row.document) for row in rows}


class ShelfStore:
    """Reads and writes periods and their shelves, of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def put(self, period: BoxPeriod, items: Sequence[ShelfItem]) -> None:
        """A period with its shelf, in place of the one of its key."""
        row = self._session.scalar(_one(period.key).with_for_update())
        if row is None:
            self._session.add(BoxPeriodRow(key=period.key, **_period_columns(period)))
        else:
            for name, value in _period_columns(period).items():
                setattr(row, name, value)
        self._session.flush()
        self._session.execute(delete(ShelfRow).where(ShelfRow.period == period.key))
        if items:
            self._session.execute(insert(ShelfRow), [_shelf_columns(period.key, item) for item in items])

    def find(self, key: str) -> BoxPeriod | None:
        """One period, to read; None where it has no shelf."""
        row = self._session.scalar(_one(key))
        return None if row is None else _period(row)

    def get(self, key: str) -> BoxPeriod:
        """One period, to read."""
        return self._known(self.find(key), key)

    def lock(self, key: str) -> BoxPeriod:
        """One period as it is now, to change: others wait until this unit of work ends."""
        row = self._session.scalar(_one(key).with_for_update().execution_options(populate_existing=True))
        return self._known(None if row is None else _period(row), key)

    @staticmethod
    def _known(period: BoxPeriod | None, key: str) -> BoxPeriod:
        if period is None:
            raise PeriodNotFoundError(f"no shelf was put up for the period {key[:60]!r}", period=key[:200])
        return period

    def mark_chosen(self, key: str, now: datetime) -> None:
        """The period's boxes are published: its shelf stays as it is."""
        self._mark(key, state=PeriodState.CHOSEN.value, chosen_at=now)

    def mark_looked_at(self, key: str, now: datetime) -> None:
        """Nobody was without a box."""
        self._mark(key, chosen_at=now)

    def _mark(self, key: str, **values: Any) -> None:
        change = update(BoxPeriodRow).where(BoxPeriodRow.key == key).values(**values)
        self._session.execute(change.execution_options(synchronize_session=False))

    def due(self, now: datetime) -> list[str]:
        """Keys of the periods whose boxes are to be chosen now, soonest cut-off first: those of who came since are once in a while."""
        query = select(BoxPeriodRow.key).where(BoxPeriodRow.choose_at <= now, BoxPeriodRow.cut_off > now)
        query = query.where(or_(BoxPeriodRow.chosen_at.is_(None), BoxPeriodRow.chosen_at <= now - LATECOMERS))
        return list(self._session.scalars(query.order_by(BoxPeriodRow.cut_off, BoxPeriodRow.key)))

    def next_due(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which a period's boxes are to be chosen."""
        query = select(BoxPeriodRow.choose_at).where(BoxPeriodRow.choose_at > after)
        return self._session.scalar(query.order_by(BoxPeriodRow.choose_at).limit(1))

    def cut_offs(self) -> dict[str, datetime]:
        """When each period ends for changes, by key."""
        rows = self._session.execute(select(BoxPeriodRow.key, BoxPeriodRow.cut_off))
        return {key: cut_off for key, cut_off in rows}  # noqa: C416 (rows are not pairs)

    def items(self, period: str) -> list[ShelfItem]:
        """What the shelf holds, in order of item."""
        query = select(ShelfRow).where(ShelfRow.period == period).order_by(ShelfRow.item)
        rows = self._session.scalars(query.execution_options(populate_existing=True))
        return [
            ShelfItem(
                item=row.item,
                name=row.name,
                category=row.category,
                cost_minor=row.cost_minor,
                stock=row.stock,
                left=row.left_count,
            )
            for row in rows
        ]

    def take(self, period: str, counts: Mapping[str, int]) -> list[str]:
        """Take so many of each item off the shelf, below zero to put back; the items of which not enough are left, which take nothing.

        Decided by the row itself, in order of item: two who want the last unit never both get it, nor wait for each other for ever.
        """
        missing = []
        for item, count in sorted(counts.items()):
            done = self._session.execute(
                update(ShelfRow)
                .where(ShelfRow.period == period, ShelfRow.item == item, ShelfRow.left_count >= count)
                .values(left_count=ShelfRow.left_count - count)
                .execution_options(synchronize_session=False)
            )
            if done.rowcount != 1:  # type: ignore[attr-defined] # (a cursor's result has it)
                missing.append(item)
        return missing


def _one(key: str) -> Select[BoxPeriodRow]:
    return select(BoxPeriodRow).where(BoxPeriodRow.key == key)


def _period_columns(period: BoxPeriod) -> dict[str, Any]:
    return {
        "currency": period.currency,
        "choose_at": period.choose_at,
        "cut_off": period.cut_off,
        "state": period.state.value,
        "revision": period.revision,
        "chosen_at": period.chosen_at,
    }


def _period(row: BoxPeriodRow) -> BoxPeriod:
    return BoxPeriod(
        key=row.key,
        currency=row.currency,
        choose_at=row.choose_at,
        cut_off=row.cut_off,
        state=PeriodState(row.state),
        revision=row.revision,
        chosen_at=row.chosen_at,
    )


def _shelf_columns(period: str, item: ShelfItem) -> dict[str, Any]:
    return {
        "period": period,
        "item": item.item,
        "name": item.name,
        "category": item.category,
        "cost_minor": item.cost_minor,
        "stock": item.stock,
        "left_count": item.left,
    }
