"""Rows of buckets: locked in one order, read with the database's own clock, and written back, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, delete, extract, func, select
from sqlalchemy.dialects import postgresql, sqlite

from billing.ratelimits.decide import EMPTY, State
from billing.ratelimits.limit import Kind
from billing.ratelimits.tables import RateBucketRow
from billing.ratelimits.take_store import Taken, taking, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing.db.session import Unit
    from billing.ratelimits.call import Call

_MILLI = 1000
_MICRO = 1_000_000
_FIELDS = (RateBucketRow.key, RateBucketRow.level, RateBucketRow.at, RateBucketRow.leases)


@dataclass(frozen=True, slots=True)
class Held:
    """Buckets that nobody else can change before this transaction ends, and what time it was when the last of them was had."""

    states: Mapping[str, State]
    now: int


class BucketStore:
    """The buckets of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session
        self._is_sqlite = unit.session.get_bind().dialect.name == "sqlite"

    def hold(self, keys: Iterable[str]) -> Held:
        """Lock these buckets, new ones too. SQLite's one writer is this transaction already; PostgreSQL locks row by row, by key."""
        wanted = sorted(set(keys))
        if not wanted:
            return Held({}, self._now())
        if self._is_sqlite:
            rows = self._session.execute(select(*_FIELDS, _sqlite_now()).where(RateBucketRow.key.in_(wanted))).all()
        else:
            empty = [{"key": key, "level": 0, "at": 0, "leases": [], "ends_at": 0} for key in wanted]
            insert = postgresql.insert(RateBucketRow)
            touch = insert.on_conflict_do_update(
                index_elements=["tenant_id", "key"], set_={"level": RateBucketRow.level}
            )
            rows = self._session.execute(touch.returning(*_FIELDS, _postgres_now()), empty).all()
        now = max((row[-1] for row in rows), default=0) or self._now()
        states = dict.fromkeys(wanted, EMPTY) | {row[0]: _state(*row[1:4]) for row in rows}
        return Held(states, now)

    def read(self, keys: Iterable[str]) -> Held:
        """The buckets as they stand, without a lock."""
        wanted = sorted(set(keys))
        rows = self._session.execute(select(*_FIELDS).where(RateBucketRow.key.in_(wanted))).all()
        return Held(dict.fromkeys(wanted, EMPTY) | {row[0]: _state(*row[1:]) for row in rows}, self._now())

    def take(self, call: Call, name: str, hint: int) -> Taken | None:
        """Take a plain call's cost from its bucket in one statement; None where it does not fit, or the bucket is not there yet."""
        statement = _TAKING[self._is_sqlite, call.limits[0].kind]
        row = self._session.execute(statement, values(call, name, hint)).first()
        return None if row is None else Taken(*row)

    def keep(self, states: Mapping[str, tuple[State, int]]) -> None:
        """Write buckets that are held, each with the instant from which its row may go."""
        if not states:
            return
        rows = [
            {
                "key": key,
                "level": state.level,
                "at": state.at,
                "leases": [list(each) for each in state.leases],
                "ends_at": end,
            }
            for key, (state, end) in sorted(states.items())
        ]
        insert = (sqlite.insert if self._is_sqlite else postgresql.insert)(RateBucketRow)
        changed = {name: insert.excluded[name] for name in ("level", "at", "leases", "ends_at")}
        self._session.execute(insert.on_conflict_do_update(index_elements=["tenant_id", "key"], set_=changed), rows)

    def sweep(self, now: int) -> int:
        """Delete buckets that are as good as empty both by the database's clock and at `now`, the tenant's time; how many went.

        A bucket that somebody fills meanwhile no longer ends in the past, and stays.
        """
        before = min(now, self._now())
        gone = delete(RateBucketRow).where(RateBucketRow.ends_at < before).returning(RateBucketRow.key)
        return len(self._session.execute(gone.execution_options(synchronize_session=False)).all())

    def _now(self) -> int:
        now = _sqlite_now() if self._is_sqlite else _postgres_now()
        found = self._session.scalar(select(now, func.count(RateBucketRow.key)).where(RateBucketRow.key.is_(None)))
        return int(found or 0)


def _state(level: int, at: int, leases: list[Any]) -> State:
    return State(level, at, tuple((name, end) for name, end in leases))


def _sqlite_now() -> Any:
    seconds = cast(func.strftime("%s", "now"), BigInteger)
    thousandths = cast(func.substr(func.strftime("%f", "now"), 4), BigInteger)  # of "05.123"
    return seconds * _MICRO + thousandths * _MILLI


def _postgres_now() -> Any:
    return cast(extract("epoch", func.clock_timestamp()) * _MICRO, BigInteger)


def _postgres_statement_time() -> Any:
    """The same instant wherever the statement names it."""
    return cast(extract("epoch", func.statement_timestamp()) * _MICRO, BigInteger)


_TAKING = {
    (is_sqlite, kind): taking(_sqlite_now() if is_sqlite else _postgres_statement_time(), kind)
    for is_sqlite in (True, False)
    for kind in (Kind.RATE, Kind.QUOTA)
}
