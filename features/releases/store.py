"""The queries over releases and shadows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from features.releases.record import ReleaseRecord, Shadow
from features.releases.tables import ModelReleaseRow, ModelShadowRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from billing.db.session import Unit


class ReleaseStore:
    """Reads and writes the releases of one tenant's models. A release is never changed; its number is its place in the task's history."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, records: Sequence[ReleaseRecord]) -> None:
        """Keep moves; two that claim the same number collide, so that two movers never both believe to be the last."""
        values = [
            {
                "task": one.task,
                "number": one.number,
                "version": one.version,
                "previous": one.previous,
                "move": one.move,
                "reason": one.reason,
                "who": one.who,
                "at": one.at,
                "gate": None if one.gate is None else dict(one.gate),
            }
            for one in records
        ]
        if values:
            self._session.execute(insert(ModelReleaseRow), values)

    def of_task(self, task: str) -> list[ReleaseRecord]:
        """Every move of a task's champion, oldest first."""
        query = select(ModelReleaseRow).where(ModelReleaseRow.task == task).order_by(ModelReleaseRow.number)
        return [_record(row) for row in self._session.scalars(query)]

    def tasks(self) -> list[str]:
        """The tasks that ever had a champion."""
        return sorted(self._session.scalars(select(ModelReleaseRow.task).group_by(ModelReleaseRow.task)))

    def count(self, task: str) -> int:
        """How many moves there were."""
        return int(self._session.scalar(select(func.count()).where(ModelReleaseRow.task == task)) or 0)

    def shadow(self, task: str) -> Shadow | None:
        """The challenger of a task."""
        row = self._session.scalar(select(ModelShadowRow).where(ModelShadowRow.task == task))
        return None if row is None else _shadow(row)

    def shadows(self) -> list[Shadow]:
        """Every task's challenger."""
        return [_shadow(row) for row in self._session.scalars(select(ModelShadowRow).order_by(ModelShadowRow.task))]

    def put_shadow(self, shadow: Shadow) -> None:
        """Let a version stand in the shadow; the one that stood there leaves it."""
        self.drop_shadow(shadow.task)
        self._session.add(
            ModelShadowRow(
                task=shadow.task,
                version=shadow.version,
                since=shadow.since,
                until=shadow.until,
                reason=shadow.reason,
                compared=dict(shadow.compared),
            )
        )
        self._session.flush()

    def compare_shadow(self, task: str, version: str, compared: Mapping[str, Any]) -> None:
        """Keep how the challenger compared with the champion, if it still stands there."""
        query = select(ModelShadowRow).where(ModelShadowRow.task == task, ModelShadowRow.version == version)
        row = self._session.scalar(query.with_for_update())
        if row is not None:
            row.compared = dict(compared)
            self._session.flush()

    def drop_shadow(self, task: str) -> None:
        """Nobody stands in the task's shadow any more."""
        self._session.execute(delete(ModelShadowRow).where(ModelShadowRow.task == task))
        self._session.expire_all()


def _record(row: ModelReleaseRow) -> ReleaseRecord:
    return ReleaseRecord(
        task=row.task,
        number=row.number,
        version=row.version,
        previous=row.previous,
        move=row.move,
        reason=row.reason,
        who=row.who,
        at=row.at,
        gate=row.gate,
    )


def _shadow(row: ModelShadowRow) -> Shadow:
    return Shadow(
        task=row.task,
        version=row.version,
        since=row.since,
        until=row.until,
        reason=row.reason,
        compared=row.compared,
    )
