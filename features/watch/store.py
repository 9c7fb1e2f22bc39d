"""The queries over kept scores and findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from billing.customers.audience_store import AudienceStore
from billing.kernel.ids import new_id
from features.contact.consent import OPTED_OUT
from features.erased.store import ErasureStore
from features.scores.store import PPM
from features.watch.tables import KeptScoreRow, WatchRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit

_BATCH = 500
UNKNOWN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A kept score: `value` was promised of a customer at `as_of` for so many days; `outcome` is what came, None while open."""

    customer_id: str
    version: str
    as_of: datetime
    value: float
    horizon_days: int
    matures_at: datetime
    outcome: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One look at one model."""

    id: str
    task: str
    version: str
    at: datetime
    alarm: bool
    sentence: str
    document: Mapping[str, Any]


class WatchStore:
    """Reads and writes what was promised of one tenant's customers, and what was found."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._session = unit, unit.session

    def bound(self, task: str, now: datetime) -> set[str]:
        """Customers of whom a promise is still open at `now`: another one would count the same days twice."""
        query = select(KeptScoreRow.customer_id).where(KeptScoreRow.task == task, KeptScoreRow.matures_at > now)
        return set(self._session.scalars(query))

    def keep(self, task: str, promises: Sequence[Promise]) -> None:
        """Keep promises until their outcome is known; none of customers who were erased or opted out meanwhile."""
        left_out = ErasureStore(self._unit).ids() | AudienceStore(self._unit).agreeing(OPTED_OUT)
        values = [
            {
                "task": task,
                "customer_id": one.customer_id,
                "as_of": one.as_of,
                "version": one.version,
                "value_ppm": round(one.value * PPM),
                "horizon_days": one.horizon_days,
                "matures_at": one.matures_at,
                "outcome": None,
            }
            for one in promises
            if one.customer_id not in left_out
        ]
        if values:
            self._session.execute(insert(KeptScoreRow), values)

    def due(self, task: str, now: datetime) -> list[Promise]:
        """Promises whose window has passed and whose outcome was not looked up yet."""
        query = select(KeptScoreRow).where(
            KeptScoreRow.task == task, KeptScoreRow.matures_at <= now, KeptScoreRow.outcome.is_(None)
        )
        rows = self._session.scalars(query.order_by(KeptScoreRow.as_of, KeptScoreRow.customer_id))
        return [_promise(row) for row in rows]

    def settle(self, task: str, as_of: datetime, outcomes: Mapping[str, bool | None]) -> None:
        """Write what came of the promises of one moment; None where it cannot be told."""
        for outcome in (True, False, None):
            customers = sorted(customer for customer, found in outcomes.items() if found is outcome)
            for start in range(0, len(customers), _BATCH):
                change = update(KeptScoreRow).where(
                    KeptScoreRow.task == task,
                    KeptScoreRow.as_of == as_of,
                    KeptScoreRow.customer_id.in_(customers[start : start + _BATCH]),
                )
                value = UNKNOWN if outcome is None else int(outcome)
                self._session.execute(change.values(outcome=value).execution_options(synchronize_session=False))
        self._session.expire_all()

    def judged(self, task: str, version: str) -> list[Promise]:
        """The promises of a version whose outcome is known, in the order they were made."""
        query = select(KeptScoreRow).where(
            KeptScoreRow.task == task, KeptScoreRow.version == version, KeptScoreRow.outcome >= 0
        )
        rows = self._session.scalars(query.order_by(KeptScoreRow.as_of, KeptScoreRow.customer_id))
        return [_promise(row) for row in rows]

    def forget(self, customer_ids: Collection[str]) -> None:
        """Remove every promise about some customers."""
        known = sorted(customer_ids)
        for start in range(0, len(known), _BATCH):
            part = known[start : start + _BATCH]
            self._session.execute(delete(KeptScoreRow).where(KeptScoreRow.customer_id.in_(part)))
        self._session.expire_all()

    def forget_before(self, moment: datetime) -> None:
        """Remove promises and looks from before a moment."""
        self._session.execute(delete(KeptScoreRow).where(KeptScoreRow.matures_at < moment))
        self._session.execute(delete(WatchRow).where(WatchRow.at < moment))
        self._session.expire_all()

    def add(
        self, task: str, version: str, at: datetime, sentence: str, document: Mapping[str, Any], *, alarm: bool
    ) -> Watch:
        """Keep a look."""
        row = WatchRow(
            id=new_id("wat"),
            task=task,
            version=version,
            at=at,
            alarm=alarm,
            sentence=sentence,
            document=dict(document),
        )
        self._session.add(row)
        self._session.flush()
        return _watch(row)

    def latest(self, task: str) -> Watch | None:
        """The newest look at a task's champion."""
        query = select(WatchRow).where(WatchRow.task == task).order_by(WatchRow.id.desc()).limit(1)
        row = self._session.scalar(query)
        return None if row is None else _watch(row)

    def recent(self, task: str, limit: int) -> list[Watch]:
        """The newest looks first."""
        query = select(WatchRow).where(WatchRow.task == task).order_by(WatchRow.id.desc()).limit(limit)
        return [_watch(row) for row in self._session.scalars(query)]

    def alarms_after(self, watch_id: str) -> list[Watch]:
        """Alarms that were raised after a look, oldest first."""
        query = select(WatchRow).where(WatchRow.alarm.is_(True), WatchRow.id > watch_id).order_by(WatchRow.id)
        return [_watch(row) for row in self._session.scalars(query)]


def _promise(row: KeptScoreRow) -> Promise:
    return Promise(
        customer_id=row.customer_id,
        version=row.version,
        as_of=row.as_of,
        value=row.value_ppm / PPM,
        horizon_days=row.horizon_days,
        matures_at=row.matures_at,
        outcome=None if row.outcome is None or row.outcome < 0 else bool(row.outcome),
    )


def _watch(row: WatchRow) -> Watch:
    return Watch(
        id=row.id,
        task=row.task,
        version=row.version,
        at=row.at,
        alarm=row.alarm,
        sentence=row.sentence,
        document=row.document,
    )
