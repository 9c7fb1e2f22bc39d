"""A shop of any size for the retraining benchmark: simulated members who buy, use and leave, written to a SQLite file in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.catalog.item import Aggregation, Meter
from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.db.session import Database
from billing.metering.store import EventStore
from billing.pricing.ratecard import meter_of
from billing.purchases.store import PurchaseStore
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.sources import instant_of
from training.simulate.rows import MONTHLY_MINOR, purchase_lines, subscribe, usage_events
from training.simulate.shop import METERS, simulate
from training.simulate.spec import PLANS, ShopSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.session import Unit
    from training.simulate.shop import SimulatedShop

DAYS = 365
_PROBE = 300
_BATCH = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchShop:
    """Where the shop is and how much it holds; `now` is the moment at which its simulation ended."""

    url: str
    tenant_id: str
    now: datetime
    customers: int
    lines: int
    events: int


def make_shop(url: str, lines: int, *, seed: int, usage: bool, progress: Callable[[str], None]) -> BenchShop:
    """A shop with about so many purchase lines, in a new database; with `usage` also its metered events, twice as many."""
    probe = simulate(ShopSpec(customers=_PROBE, days=DAYS, seed=seed))
    customers = max(50, round(lines * _PROBE / len(probe.purchases.at_us)))
    progress(f"simulating {customers:,} customers")
    shop = simulate(ShopSpec(customers=customers, days=DAYS, seed=seed))
    upgrade(url)
    database = Database(url)
    try:
        tenant_id = _write(database, shop, progress, usage=usage)
    finally:
        database.close()
    return BenchShop(
        url=url,
        tenant_id=tenant_id,
        now=instant_of(shop.spec.end_us),
        customers=customers,
        lines=len(shop.purchases.at_us),
        events=len(shop.usage.at_us) if usage else 0,
    )


def _write(database: Database, shop: SimulatedShop, progress: Callable[[str], None], *, usage: bool) -> str:
    spec = shop.spec
    end = spec.start + timedelta(days=spec.days)
    opened = open_tenant(
        database, name="Bench", currency=spec.currency, zone="UTC", mode=Mode.TEST, now=spec.start, frozen_at=end
    )
    scope = Scope(opened.tenant.id)
    with database.unit(scope) as unit:
        _publish(unit, shop)
        by_key = CustomerStore(unit).ensure(shop.customers.key, spec.start)
    ids = tuple(by_key[key] for key in shop.customers.key)
    for start in range(0, len(shop.purchases.at_us), _BATCH):
        progress(f"writing purchases: {start:,} of {len(shop.purchases.at_us):,}")
        with database.unit(scope) as unit:
            PurchaseStore(unit).insert(list(purchase_lines(shop, ids, slice(start, start + _BATCH))))
    for start in range(0, len(shop.usage.at_us) if usage else 0, _BATCH):
        progress(f"writing usage: {start:,} of {len(shop.usage.at_us):,}")
        with database.unit(scope) as unit:
            EventStore(unit).insert(list(usage_events(shop, slice(start, start + _BATCH))), by_key, None)
    progress("writing subscriptions")
    with database.unit(scope) as unit:
        subscribe(unit, shop, ids)
    return opened.tenant.id


def _publish(unit: Unit, shop: SimulatedShop) -> None:
    store = CatalogStore(unit)
    for meter in METERS:
        store.put_meter(Meter(key=meter, name=meter, event_type=meter, aggregation=Aggregation.COUNT))
    for rank, key in enumerate(PLANS):
        amount = f"{MONTHLY_MINOR[key] / 100:.2f}"
        fee = {"key": "fee", "name": "Membership", "price": {"model": "flat", "amount": amount}}
        draft = Draft(
            key=key,
            name=key.title(),
            kind=PlanKind.PLAN,
            rank=rank,
            currency=shop.spec.currency,
            interval="month",
            charges=[fee],
            grants=[],
        )
        publish(unit, draft, read_charge=meter_of, now=shop.spec.start)
