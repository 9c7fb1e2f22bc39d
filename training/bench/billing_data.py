"""A tenant of any size for billing benchmarks: subscriptions with five charges each, and their usage events, written in bulk."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Meter
from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.scope import Scope
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.ids import new_id
from billing.metering.event import UsageEvent
from billing.metering.store import EventStore
from billing.pricing.ratecard import meter_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import Status, Subscription
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Database

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
_BATCH = 5_000
_METERS = {"calls": None, "storage": "gb", "orders": None, "seconds": "s"}
CHARGES: list[dict[str, Any]] = [
    {"key": "fee", "name": "Membership", "price": {"model": "flat", "amount": "19"}},
    {"key": "calls", "name": "Calls", "meter": "calls", "price": {"model": "per_unit", "unit_price": "0.002"}},
    {
        "key": "storage",
        "name": "Storage",
        "meter": "storage",
        "price": {
            "model": "graduated",
            "tiers": [
                {"up_to": "10", "unit_price": "0"},
                {"up_to": "100", "unit_price": "0.12"},
                {"up_to": None, "unit_price": "0.08"},
            ],
        },
    },
    {
        "key": "orders",
        "name": "Orders",
        "meter": "orders",
        "price": {"model": "package", "package_size": "5", "package_price": "1.50"},
    },
    {
        "key": "seconds",
        "name": "Compute",
        "meter": "seconds",
        "price": {
            "model": "volume",
            "tiers": [{"up_to": "1000", "unit_price": "0.001"}, {"up_to": None, "unit_price": "0.0008"}],
        },
    },
]


def fill(database: Database, subscriptions: int, events_each: int, *, seed: int, tell: Callable[[str], None]) -> Scope:
    """A new tenant with so many subscriptions, all of whose first period has been billed, and so many events in it."""
    rng = random.Random(seed)
    opened = open_tenant(database, name="Bench", currency="EUR", zone="UTC", mode=Mode.TEST, now=START, origins=[])
    scope = Scope(opened.tenant.id)
    with database.unit(scope) as unit:
        for key, prop in _METERS.items():
            aggregation = Aggregation.COUNT if prop is None else Aggregation.SUM
            CatalogStore(unit).put_meter(
                Meter(key=key, name=key.title(), event_type=key, aggregation=aggregation, prop=prop)
            )
        version = publish(unit, _plan(), read_charge=meter_of, now=START)
    for first in range(0, subscriptions, _BATCH):
        size = min(_BATCH, subscriptions - first)
        with database.unit(scope) as unit:
            ids = CustomerStore(unit).ensure((f"c{first + place:07d}" for place in range(size)), START)
            SubscriptionStore(unit).add_many([_subscription(customer, version) for customer in ids.values()])
        _events(database, scope, ids, events_each, rng)
        tell(f"{first + size:,} subscriptions, {(first + size) * events_each:,} events")
    return scope


def _plan() -> Draft:
    return Draft(
        key="plus",
        name="Plus",
        kind=PlanKind.PLAN,
        rank=1,
        currency="EUR",
        interval="month",
        charges=CHARGES,
        grants=[],
    )


def _subscription(customer_id: str, version: PlanVersion) -> Subscription:
    return Subscription(
        id=new_id("sub"),
        customer_id=customer_id,
        plan_key=version.plan_key,
        version_id=version.id,
        currency="EUR",
        cadence=Cadence(START, Interval.MONTH),
        status=Status.ACTIVE,
        started_at=START,
        ends_at=None,
        billed_periods=1,
        sequence=1,
        revision=1,
        usage_from=START,
    )


def _events(database: Database, scope: Scope, ids: dict[str, str], each: int, rng: random.Random) -> None:
    names = list(_METERS)
    span = int((END - START).total_seconds())
    batch: list[UsageEvent] = []
    for customer in ids:
        for number in range(each):
            kind = names[number % len(names)]
            prop = _METERS[kind]
            batch.append(
                UsageEvent(
                    id=f"{customer}-{number}",
                    source="bench",
                    type=kind,
                    customer=customer,
                    at=START + timedelta(seconds=rng.randrange(span)),
                    data={} if prop is None else {prop: f"{rng.randrange(20)}.{rng.randrange(100):02d}"},
                )
            )
        if len(batch) >= _BATCH:
            _store(database, scope, batch, ids)
            batch = []
    _store(database, scope, batch, ids)


def _store(database: Database, scope: Scope, batch: list[UsageEvent], ids: dict[str, str]) -> None:
    if batch:
        with database.unit(scope) as unit:
            EventStore(unit).insert(batch, ids, None)
