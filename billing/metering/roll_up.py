"""Building rollups for new and changed meters, and proving that those kept equal the events: ordinary jobs, to be run at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.metering.rollup import Bucket, Roll
from billing.metering.rollup_store import RollupStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from billing.catalog.item import Meter
    from billing.db.scope import Scope
    from billing.db.session import Database, Unit

_CUSTOMERS_A_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An hour whose rollup is not what its events add up to."""

    meter_key: str
    customer_id: str
    hour: datetime
    kept: Roll
    events: Roll


def roll_up_new(unit: Unit, *, now: datetime) -> tuple[str, ...]:
    """Build the rollups of meters that have none that are whole; the answer is their keys. Until then usage is read from the events."""
    store = RollupStore(unit)
    built = []
    for meter in store.unrolled():
        store.build(meter, now)
        built.append(meter.key)
    return tuple(built)


def tend_rollups(database: Database, scope: Scope, *, now: datetime) -> int:
    """The same for a tenant, each meter in a transaction of its own; how many were built. Nothing is written where nothing is new."""
    with database.view(scope) as unit:
        waiting = RollupStore(unit).unrolled()
    for meter in waiting:
        with database.unit(scope) as unit:
            RollupStore(unit).build(meter, now)
    return len(waiting)


def prove_rollups(unit: Unit) -> Iterator[Difference]:
    """Every hour whose rollup differs from its events, in bounded memory. Run it in a view, where both are of one instant."""
    store = RollupStore(unit)
    meters = store.whole()
    for customers in _pages(unit):
        for meter in meters:
            yield from _differences(store, meter, customers)


def _differences(store: RollupStore, meter: Meter, customers: Sequence[str]) -> Iterator[Difference]:
    events, kept = store.from_events(meter, customers), store.kept(meter, customers)
    for bucket in sorted(events.keys() | kept.keys()):
        should, does = events.get(bucket, Roll()), kept.get(bucket, Roll())
        if should != does:
            yield _difference(bucket, should, does)


def _difference(bucket: Bucket, events: Roll, kept: Roll) -> Difference:
    meter_key, customer_id, hour = bucket
    return Difference(meter_key=meter_key, customer_id=customer_id, hour=hour, kept=kept, events=events)


def _pages(unit: Unit) -> Iterator[list[str]]:
    store, cursor = CustomerStore(unit), None
    while True:
        page = store.page(limit=_CUSTOMERS_A_PAGE, cursor=cursor)
        yield [customer.id for customer in page.items]
        if page.next_cursor is None:
            return
        cursor = page.next_cursor
