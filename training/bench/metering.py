"""Usage intake measured: durable, deduplicated, rolled-up events a second, beside the engine's own bulk load of the same rows.

Batches of both are stored in turn, so that what else the machine does falls on both alike. Speed is told only of answers that are right:
everything sent counts once, also when it is sent again, and the sums by the hour are what the events add up to.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Meter
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.maintenance import refresh_statistics
from billing.db.migrate import upgrade
from billing.db.partitions import make_partitions
from billing.db.scope import Scope
from billing.db.session import Database
from billing.kernel.period import Period
from billing.metering.ingest import MAX_BATCH, ingest
from billing.metering.measured import PLAIN
from billing.metering.roll_up import prove_rollups, roll_up_new
from billing.metering.store import EventStore
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from training.bench.raw_events_store import RawEvents

if TYPE_CHECKING:
    from collections.abc import Callable

CUSTOMERS = 1_000
START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=2)
DAY = Period(START, START + timedelta(days=1))
METERS = (
    Meter(key="calls", name="Calls", event_type="call", aggregation=Aggregation.COUNT),
    Meter(key="tokens", name="Tokens", event_type="call", aggregation=Aggregation.SUM, prop="tokens"),
)
_HOURS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """One way in: so many events in so many seconds; `peer_seconds` is the raw load of the same rows, None where there is none."""

    engine: str
    way: str
    events: int
    seconds: float
    peer_seconds: float | None
    is_right: bool
    p50_ms: float | None = None
    p99_ms: float | None = None

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def share(self) -> float | None:
        """The rate as a part of the peer's."""
        return None if self.peer_seconds is None else self.peer_seconds / self.seconds


@dataclass(frozen=True, slots=True)
class Bench:
    """A tenant with customers and two meters that have rollups, and its secret key."""

    url: str
    scope: Scope
    key: str


def prepare(url: str) -> Bench:
    """A migrated database with such a tenant, its statistics fresh."""
    upgrade(url)
    make_partitions(url, [START])
    database = Database(url)
    opened = open_tenant(database, name="Bench", currency="EUR", zone="UTC", mode=Mode.TEST, now=NOW, origins=[])
    scope = Scope(opened.tenant.id)
    with database.unit(scope) as unit:
        CustomerStore(unit).ensure((_customer(place) for place in range(CUSTOMERS)), START)
        for meter in METERS:
            CatalogStore(unit).put_meter(meter)
        roll_up_new(unit, now=NOW)
    database.close()
    refresh_statistics(url)
    return Bench(url, scope, opened.secret_key)


def documents(run: str, first: int, count: int) -> list[dict[str, Any]]:
    """Events as a sender writes them while they happen, ten a second over all customers, with a number and two words each."""
    return [
        {
            "id": f"{run}-{number:09d}",
            "source": "bench",
            "type": "call",
            "customer": _customer(number * 7),
            "time": (START + timedelta(seconds=number // 10 % (_HOURS * 3600))).isoformat(),
            "data": {"tokens": number % 500, "model": "small", "region": "eu"},
        }
        for number in range(first, first + count)
    ]


def _customer(number: int) -> str:
    return f"c{number % CUSTOMERS:05d}"


def bench_in_process(url: str, events: int, tell: Callable[[str], None]) -> Intake:
    """Batches of the largest size through `ingest`, each in turn with the raw load of its rows."""
    bench = prepare(url)
    database, peer = Database(url), RawEvents(url)
    _store(database, bench.scope, documents("warm", 0, 1_000))
    batches = [documents("run", first, min(MAX_BATCH, events - first)) for first in range(0, events, MAX_BATCH)]
    ours = theirs = 0.0
    accepted = 0
    for number, batch in enumerate(batches):
        tell(f"{database.engine.dialect.name}: {number * MAX_BATCH:,} events")
        started = time.perf_counter()
        accepted += _store(database, bench.scope, batch)
        ours += time.perf_counter() - started
        rows = peer.rows_of(bench.scope.tenant_id, batch[0]["id"], batch[-1]["id"])
        started = time.perf_counter()
        peer.load(rows)
        theirs += time.perf_counter() - started
    again = _store(database, bench.scope, batches[0])
    expected = [*documents("warm", 0, 1_000), *(event for batch in batches for event in batch)]
    is_right = accepted == events and again == 0 and is_whole(database, bench.scope, expected)
    peer.close()
    database.close()
    return Intake(
        engine=database.engine.dialect.name,
        way="in process",
        events=events,
        seconds=ours,
        peer_seconds=theirs,
        is_right=is_right,
    )


def _store(database: Database, scope: Scope, batch: list[dict[str, Any]]) -> int:
    with database.unit(scope) as unit:
        return ingest(unit, batch, now=NOW).accepted


def is_whole(database: Database, scope: Scope, expected: list[dict[str, Any]]) -> bool:
    """Whether usage is what these events come to, for every customer, and the rollups hold what the events do."""
    calls, tokens = Counter[str](), Counter[str]()
    for event in expected:
        calls[event["customer"]] += 1
        tokens[event["customer"]] += event["data"]["tokens"]
    with database.view(scope) as unit:
        ids = CustomerStore(unit).ids_by_key(calls)
        spans = dict.fromkeys(ids.values(), DAY)
        for meter, sums in zip(METERS, (calls, tokens), strict=True):
            found = EventStore(unit).measure_many(meter, PLAIN, spans)
            if any(found[ids[customer]].quantity != number for customer, number in sums.items()):
                return False
        return next(prove_rollups(unit), None) is None
