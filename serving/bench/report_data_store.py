"""A shop with outcomes by the million, drawn from a seed and put into the tables by the engine's fastest means: on both the same rows.

For benchmarks only: rows go past the stores, foreign keys are not asked, and the planner's figures are refreshed at the end.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 56
ARMS = ("control", "warm")
RUN = "bench"
_PLANS = ("starter", "plus", "pro")
_SEGMENTS = tuple(f"segment-{number}" for number in range(25))
_CHUNK = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many units are exposed, and how many rows their outcomes are: events, ledger entries (two a booking) and steps."""

    units: int
    events: int
    entries: int
    steps: int

    @classmethod
    def of(cls, units: int, rows: int) -> Size:
        """Half events, two fifths of the books, the rest steps of subscriptions."""
        events, entries = rows // 2, rows * 2 // 5 // 2 * 2
        return cls(units=units, events=events, entries=entries, steps=rows - events - entries)


class ReportData:
    """Fills one tenant's tables."""

    def __init__(self, url: str, tenant_id: str, size: Size, seed: int) -> None:
        self._url, self._tenant, self._size, self._seed = make_url(url), tenant_id, size, seed
        self._is_sqlite = self._url.get_backend_name() == "sqlite"

    def fill(self, tell: Callable[[str], None]) -> None:
        """Everything, table by table."""
        tables: list[tuple[str, tuple[str, ...], Iterable[tuple[Any, ...]]]] = [
            ("customers", _CUSTOMER, self._customers()),
            ("experiment_exposures", _EXPOSURE, self._exposures()),
            ("ledger_transactions", _HEAD, self._heads()),
            ("ledger_entries", _ENTRY, self._entries()),
            ("subscription_events", _STEP, self._steps()),
            ("events", _EVENT, self._events()),
        ]
        connection: Any = self._connect()
        with connection:
            for name, columns, rows in tables:
                tell(f"loading {name}")
                (_load_sqlite if self._is_sqlite else _load_postgres)(connection, name, columns, rows)
        connection.close()
        self._analyze()

    def _connect(self) -> Any:
        if self._is_sqlite:
            connection = sqlite3.connect(self._url.database or "")
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute("PRAGMA synchronous=OFF")
            return connection
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        server: Any = psycopg.connect(plain)
        server.execute("SET session_replication_role = replica")
        return server

    def _analyze(self) -> None:
        connection = self._connect()
        connection.execute("ANALYZE")
        connection.commit()
        connection.close()

    def _at(self, moments: NDArray[np.int64]) -> list[Any]:
        """Seconds since the start as the engine keeps instants."""
        found = [START + timedelta(seconds=int(each)) for each in moments]
        return [each.strftime("%Y-%m-%d %H:%M:%S.%f") for each in found] if self._is_sqlite else list(found)

    def _draw(self, part: int, count: int) -> Iterator[tuple[int, int, np.random.Generator]]:
        """Chunks of a table's rows, each with its own source of chance."""
        for number, first in enumerate(range(0, count, _CHUNK)):
            yield first, min(_CHUNK, count - first), np.random.default_rng([self._seed, part, number])

    def _customers(self) -> Iterator[tuple[Any, ...]]:
        at = self._at(np.array([-90 * 86_400]))[0]
        for number in range(self._size.units):
            yield (self._tenant, _who(number), f"c{number}", "", "", "", "UTC", "{}", False, "[]", at)

    def _exposures(self) -> Iterator[tuple[Any, ...]]:
        for first, count, rng in self._draw(1, self._size.units):
            arms, crossed = rng.integers(0, 2, count), (rng.random(count) < 0.002).astype(int)
            plans, segments = rng.integers(0, 3, count), (25 * rng.random(count) ** 2).astype(int)
            for place, at in enumerate(self._at(rng.integers(28 * 86_400, 42 * 86_400, count))):
                who = first + place
                yield (
                    self._tenant,
                    RUN,
                    f"c{who}",
                    _who(who),
                    ARMS[arms[place]],
                    at,
                    False,
                    0.5,
                    _PLANS[plans[place]],
                    _SEGMENTS[segments[place]],
                    int(crossed[place]),
                )

    def _heads(self) -> Iterator[tuple[Any, ...]]:
        for first, count, rng in self._draw(2, self._size.entries // 2):
            whom = rng.integers(0, self._size.units, count)
            kinds = np.where(rng.random(count) < 0.04, "credit_note_issued", "invoice_issued")
            for place, at in enumerate(self._at(rng.integers(0, DAYS * 86_400, count))):
                yield self._tenant, f"{kinds[place]}:{first + place}", at, "drawn", _who(int(whom[place]))

    def _entries(self) -> Iterator[tuple[Any, ...]]:
        for first, count, rng in self._draw(2, self._size.entries // 2):
            whom = rng.integers(0, self._size.units, count)
            kinds = np.where(rng.random(count) < 0.04, "credit_note_issued", "invoice_issued")
            amounts = np.random.default_rng([self._seed, 7, first]).lognormal(7, 1, count).astype(int)
            for place in range(count):
                key, who, amount = f"{kinds[place]}:{first + place}", _who(int(whom[place])), int(amounts[place])
                sign = 1 if kinds[place] == "invoice_issued" else -1
                yield self._tenant, key, 0, "receivable", sign * amount, "EUR", who
                yield self._tenant, key, 1, "revenue", -sign * amount, "EUR", who

    def _steps(self) -> Iterator[tuple[Any, ...]]:
        for first, count, rng in self._draw(3, self._size.steps):
            ended = rng.random(count) < 0.2
            for place, at in enumerate(self._at(rng.integers(0, DAYS * 86_400, count))):
                number = first + place
                kind, whose = ("ended", number // 2) if ended[place] else ("started", number)
                who = _who(whose % self._size.units)
                minor = 0 if kind == "ended" else 900
                yield self._tenant, f"s{number}", f"sub{who}", who, kind, "starter", 0, minor, at, at

    def _events(self) -> Iterator[tuple[Any, ...]]:
        for first, count, rng in self._draw(4, self._size.events):
            whom, minutes = rng.integers(0, self._size.units, count), rng.integers(1, 90, count)
            for place, at in enumerate(self._at(rng.integers(0, DAYS * 86_400, count))):
                data = f'{{"minutes": {minutes[place]}}}'
                yield self._tenant, "bench", f"e{first + place}", "lesson", _who(int(whom[place])), at, at, data


_CUSTOMER = (
    "tenant_id",
    "id",
    "key",
    "name",
    "email",
    "country",
    "zone",
    "address",
    "is_business",
    "consents",
    "created_at",
)
_EXPOSURE = (
    "tenant_id",
    "experiment",
    "unit",
    "customer_id",
    "arm",
    "at",
    "counterfactual",
    "propensity",
    "plan",
    "segment",
    "crossed",
)
_HEAD = ("tenant_id", "key", "at", "description", "customer_id")
_ENTRY = ("tenant_id", "transaction_key", "position", "account", "amount_minor", "currency", "customer_id")
_STEP = (
    "tenant_id",
    "id",
    "subscription_id",
    "customer_id",
    "kind",
    "plan_key",
    "plan_rank",
    "mrr_minor",
    "at",
    "received_at",
)
_EVENT = ("tenant_id", "source", "event_id", "type", "customer_id", "at", "received_at", "data")


def _who(number: int) -> str:
    return f"cus_{number:026d}"


def _load_sqlite(connection: Any, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608 (constants)


def _load_postgres(connection: Any, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def by_hand(path: str, until: datetime, window: timedelta, quantile: float) -> dict[str, dict[str, dict[str, float]]]:
    """Revenue and lessons of a filled SQLite file unit by unit, in plain Python: sums by metric and arm, as the report has them."""
    connection = sqlite3.connect(path)
    ask = connection.execute
    units = ask("SELECT customer_id, arm, at FROM experiment_exposures").fetchall()
    heads = dict(ask("SELECT key, at FROM ledger_transactions"))
    revenue, lessons = _Sum(), _Sum()
    for key, who, minor in ask(
        "SELECT transaction_key, customer_id, amount_minor FROM ledger_entries WHERE position=1"
    ):
        revenue.add(who, heads[key], -minor)
    for who, at in ask("SELECT customer_id, at FROM events"):
        lessons.add(who, at, 1)
    found = {}
    for name, facts, tail in (("revenue", revenue, quantile), ("lessons", lessons, None)):
        rows = [
            (arm, *facts.around(who, datetime.fromisoformat(at), window))
            for who, arm, at in units
            if _is_over(at, window, until)
        ]
        found[name] = _added(rows, tail)
    connection.close()
    return found


class _Sum:
    """Facts by customer."""

    def __init__(self) -> None:
        self._facts: dict[str, list[tuple[datetime, int]]] = {}

    def add(self, who: str, at: str, value: int) -> None:
        self._facts.setdefault(who, []).append((datetime.fromisoformat(at), value))

    def around(self, who: str, at: datetime, window: timedelta) -> tuple[int, int, int]:
        """Within the window after an instant, within as long before it, and 1 where there was nothing before."""
        mine = self._facts.get(who, ())
        past = [value for when, value in mine if at - window <= when < at]
        return sum(value for when, value in mine if at <= when < at + window), sum(past), int(not past)


def _is_over(at: str, window: timedelta, until: datetime) -> bool:
    return datetime.fromisoformat(at) + window <= until.replace(tzinfo=None)


def _added(rows: list[tuple[str, int, int, int]], quantile: float | None) -> dict[str, dict[str, float]]:
    limits = [(-math.inf, math.inf)] * 2
    if quantile is not None:
        limits = [_limits([row[1] for row in rows], quantile), _limits([row[2] for row in rows], quantile)]
    found: dict[str, dict[str, float]] = {}
    for arm, y, x, m in rows:
        sums = found.setdefault(arm, dict.fromkeys(("n", "y", "yy", "x", "xx", "xy", "m", "my"), 0))
        now, past = (min(max(value, low), high) for value, (low, high) in zip((y, x), limits, strict=True))
        parts = (1, now, now * now, past, past * past, past * now, m, now * m)
        for name, part in zip(sums, parts, strict=True):
            sums[name] += part
    return found


def _limits(values: list[int], quantile: float) -> tuple[float, float]:
    kept = sorted(value for value in values if value)
    low, high = (kept[max(math.ceil(len(kept) * share - 1e-9), 1) - 1] for share in (1 - quantile, quantile))
    return min(low, 0), max(high, 0)
