"""The queries over signals: raising each once, what counts of a customer now, and what an accepted decision answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select, update

from billing.db.changes import changed
from billing.db.upsert import insert_new
from billing.kernel.ids import new_id
from features.signals.record import Raised
from features.signals.tables import SignalRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from billing.db.session import Unit
    from features.signals.record import NewSignal

PPM = 1_000_000
_BATCH = 500


class SignalStore:
    """Reads and writes the signals of one tenant's customers."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, signals: Sequence[NewSignal], now: datetime) -> list[NewSignal]:
        """Keep those that were never raised before; the answer is them."""
        different = {(each.customer_id, each.trigger, each.once_key): each for each in signals}
        made = {
            new_id("sig"): different[key] for key in sorted(different)
        }  # ids sort as they are made, and rows go in by id
        rows = [_values(row_id, each, now) for row_id, each in made.items()]
        fresh = [made[row[0]] for row in insert_new(self._session, SignalRow, rows, (SignalRow.id,))]
        if fresh:
            changed(self._session, {each.customer_id for each in fresh})
        return fresh

    def known(self, customer_id: str, now: datetime) -> list[Raised]:
        """What counts of a customer, was answered, or keeps its trigger silent, strongest first."""
        query = select(SignalRow).where(SignalRow.customer_id == customer_id, _is_alive(now))
        query = query.order_by(SignalRow.strength_ppm.desc(), SignalRow.at, SignalRow.id)
        return [_from_row(row) for row in self._session.scalars(query)]

    def of_customer(self, customer_id: str, now: datetime) -> list[Raised]:
        """What an offer to a customer may answer now, strongest first."""
        return [raised for raised in self.known(customer_id, now) if raised.counts(now)]

    def known_of(self, customer_ids: Collection[str], now: datetime) -> dict[str, list[Raised]]:
        """The same as `known` for many customers; those without any are left out."""
        wanted, found = sorted(set(customer_ids)), dict[str, list[Raised]]()
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            query = select(SignalRow).where(SignalRow.customer_id.in_(part), _is_alive(now))
            for row in self._session.scalars(query.order_by(SignalRow.id)):
                found.setdefault(row.customer_id, []).append(_from_row(row))
        return found

    def before(self, customer_id: str, moment: datetime, *, limit: int) -> list[Raised]:
        """What was raised of a customer up to a moment, newest first: what a decision of then could have seen."""
        query = select(SignalRow).where(SignalRow.customer_id == customer_id, SignalRow.raised_at <= moment)
        query = query.where(SignalRow.expires_at > moment)
        query = query.order_by(SignalRow.raised_at.desc(), SignalRow.id.desc()).limit(limit)
        return [_from_row(row) for row in self._session.scalars(query)]

    def answer(self, customer_id: str, trigger: str, subject: str | None, decision_id: str, at: datetime) -> int:
        """An accepted decision answered this: the living signals of the trigger about the subject count no more. How many."""
        about = SignalRow.subject.is_(None) if subject is None else SignalRow.subject == subject
        done = self._session.execute(
            update(SignalRow)
            .where(SignalRow.customer_id == customer_id, SignalRow.trigger == trigger, about)
            .where(SignalRow.answered_at.is_(None), SignalRow.expires_at > at)
            .values(answered_at=at, answered_by=decision_id)
            .returning(SignalRow.id)
            .execution_options(synchronize_session=False)
        )
        count = len(done.all())
        if count:
            self._session.expire_all()
            changed(self._session, [customer_id])
        return count

    def held_open(self, trigger: str) -> set[str]:
        """The customers for whom a trigger stays silent until somebody has seen that what raised it has ceased."""
        query = select(SignalRow.customer_id).where(SignalRow.trigger == trigger, SignalRow.rearms_at.is_(None))
        return set(self._session.scalars(query))

    def rearm(self, trigger: str, customer_ids: Collection[str], at: datetime) -> int:
        """What raised a trigger has ceased for these customers: its signals end, and it may fire again. How many signals ended."""
        wanted, count = sorted(set(customer_ids)), 0
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            done = self._session.execute(
                update(SignalRow)
                .where(SignalRow.trigger == trigger, SignalRow.customer_id.in_(part), SignalRow.rearms_at.is_(None))
                .values(rearms_at=at, expires_at=at)
                .returning(SignalRow.id)
                .execution_options(synchronize_session=False)
            )
            count += len(done.all())
            changed(self._session, part)
        if count:
            self._session.expire_all()
        return count

    def counts(self, now: datetime) -> dict[str, int]:
        """How many signals count now, by trigger."""
        query = select(SignalRow.trigger, func.count()).where(SignalRow.answered_at.is_(None))
        query = query.where(SignalRow.expires_at > now).group_by(SignalRow.trigger)
        return {trigger: int(count) for trigger, count in self._session.execute(query)}

    def forget(self, customer_id: str) -> int:
        """Remove a customer's signals; how many."""
        mine = SignalRow.customer_id == customer_id
        count = self._session.scalar(select(func.count()).select_from(SignalRow).where(mine)) or 0
        self._session.execute(delete(SignalRow).where(mine).execution_options(synchronize_session=False))
        changed(self._session, [customer_id])
        return count

    def forget_triggers(self, customer_id: str, triggers: Collection[str]) -> int:
        """Remove a customer's signals of some triggers; how many."""
        mine = (SignalRow.customer_id == customer_id, SignalRow.trigger.in_(sorted(triggers)))
        count = self._session.scalar(select(func.count()).select_from(SignalRow).where(*mine)) or 0
        self._session.execute(delete(SignalRow).where(*mine).execution_options(synchronize_session=False))
        changed(self._session, [customer_id])
        return count

    def sweep(self, before: datetime) -> int:
        """Remove signals that have counted and silenced no more since `before`; how many."""
        gone = (SignalRow.expires_at < before, SignalRow.rearms_at < before)
        done = self._session.execute(
            delete(SignalRow).where(*gone).returning(SignalRow.id).execution_options(synchronize_session=False)
        )
        return len(done.all())


def _is_alive(now: datetime) -> ColumnElement[bool]:
    return or_(SignalRow.expires_at > now, SignalRow.rearms_at.is_(None), SignalRow.rearms_at > now)


def _values(row_id: str, signal: NewSignal, now: datetime) -> dict[str, object]:
    return {
        "id": row_id,
        "customer_id": signal.customer_id,
        "trigger": signal.trigger,
        "once_key": signal.once_key,
        "subject": signal.subject,
        "member": signal.member,
        "strength_ppm": round(signal.strength * PPM),
        "at": signal.at,
        "raised_at": now,
        "expires_at": signal.expires_at,
        "rearms_at": signal.rearms_at,
        "evidence": dict(signal.evidence),
        "answered_at": None,
        "answered_by": None,
    }


def _from_row(row: SignalRow) -> Raised:
    return Raised(
        id=row.id,
        trigger=row.trigger,
        once_key=row.once_key,
        subject=row.subject,
        member=row.member,
        strength=row.strength_ppm / PPM,
        at=row.at,
        raised_at=row.raised_at,
        expires_at=row.expires_at,
        rearms_at=row.rearms_at,
        evidence=row.evidence,
        answered_at=row.answered_at,
        answered_by=row.answered_by,
    )
