"""The queries over restraints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select, update

from billing.db.changes import changed
from billing.db.upsert import insert_new_silently
from features.signals.restraints.restraint import HoldBack, is_held
from features.signals.restraints.tables import RestraintRow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.db.session import Unit
    from features.signals.restraints.restraint import Change

_PLAIN = {"synchronize_session": False}


class RestraintStore:
    """Reads and writes what holds offers back from the customers of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def apply(self, changes: Iterable[Change]) -> int:
        """Keep beginnings and ends, in any order and however often; the answer is how many restraints changed."""
        moved = 0
        for change in sorted(changes, key=lambda each: (each.customer_id, each.kind, each.reference, each.at)):
            if self._apply(change):
                changed(self._session, [change.customer_id])
                moved += 1
        return moved

    def _apply(self, change: Change) -> bool:
        blank = {"began_at": None, "ended_at": None, "lapses_at": None}
        key = {"customer_id": change.customer_id, "kind": change.kind, "reference": change.reference}
        insert_new_silently(self._session, RestraintRow, [{**key, **blank}])
        column = RestraintRow.began_at if change.begins else RestraintRow.ended_at
        values: dict[str, datetime | None] = {column.key: change.at}
        if change.begins:
            values["lapses_at"] = change.lapses_at
        done = self._session.execute(
            update(RestraintRow)
            .where(RestraintRow.customer_id == change.customer_id, RestraintRow.kind == change.kind)
            .where(RestraintRow.reference == change.reference, or_(column.is_(None), column < change.at))
            .values(**values)
            .returning(RestraintRow.customer_id)
            .execution_options(**_PLAIN)
        )
        return bool(done.all())

    def of_customer(self, customer_id: str, now: datetime) -> list[HoldBack]:
        """What holds offers back from a customer now, oldest first."""
        row = RestraintRow
        query = select(row.kind, row.reference, row.began_at, row.ended_at, row.lapses_at)
        query = query.where(row.customer_id == customer_id, row.began_at.is_not(None))
        query = query.where(or_(row.lapses_at.is_(None), row.lapses_at > now))
        held = [
            HoldBack(kind=kind, since=began, until=lapses, reference=reference)
            for kind, reference, began, ended, lapses in self._session.execute(query)
            if began is not None and is_held(began, ended, lapses, now)
        ]
        return sorted(held, key=lambda each: (each.since, each.kind, each.reference))

    def forget(self, customer_id: str) -> int:
        """Remove a customer's restraints; how many."""
        mine = RestraintRow.customer_id == customer_id
        count = self._session.scalar(select(func.count()).select_from(RestraintRow).where(mine)) or 0
        self._session.execute(delete(RestraintRow).where(mine).execution_options(**_PLAIN))
        return count
