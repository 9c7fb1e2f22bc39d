"""A shop of any size for the retraining benchmark: simulated members who buy, use and leave, written to a SQLite file in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Meter
from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.db.session import Database
from billing.kernel.cadence import Cadence, Interval
from billing.metering.event import UsageEvent
from billing.metering.store import EventStore
from billing.pricing.ratecard import meter_of
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import StateChange, Status, Subscription
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.sources import instant_of
from training.simulate.membership import EVENT_KINDS, EVENT_PLANS
from training.simulate.shop import METERS, simulate
from training.simulate.spec import ADDON, PLANS, ShopSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.db.session import Unit
    from training.simulate.shop import SimulatedShop

DAYS = 365
_PROBE = 300
_BATCH = 20_000
_MONTHLY_MINOR = {"starter": 900, "plus": 1900, "pro": 4900}


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
            PurchaseStore(unit).insert(list(_lines(shop, ids, slice(start, start + _BATCH))))
    for start in range(0, len(shop.usage.at_us) if usage else 0, _BATCH):
        progress(f"writing usage: {start:,} of {len(shop.usage.at_us):,}")
        with database.unit(scope) as unit:
            EventStore(unit).insert(list(_events(shop, slice(start, start + _BATCH))), by_key, None)
    progress("writing subscriptions")
    with database.unit(scope) as unit:
        _subscribe(unit, shop, ids)
    return opened.tenant.id


def _publish(unit: Unit, shop: SimulatedShop) -> None:
    store = CatalogStore(unit)
    for meter in METERS:
        store.put_meter(Meter(key=meter, name=meter, event_type=meter, aggregation=Aggregation.COUNT))
    for rank, key in enumerate(PLANS):
        amount = f"{_MONTHLY_MINOR[key] / 100:.2f}"
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


def _lines(shop: SimulatedShop, ids: tuple[str, ...], part: slice) -> Iterator[dict[str, Any]]:
    bought, keys = shop.purchases, shop.products.key
    columns = (bought.customer, bought.item, bought.basket, bought.at_us, bought.quantity, bought.amount_minor)
    for customer, item, basket, at_us, quantity, amount in zip(*(each[part].tolist() for each in columns), strict=True):
        at = instant_of(at_us)
        yield {
            "key": f"{basket}:{keys[item]}",
            "customer_id": ids[customer],
            "item": keys[item],
            "basket": f"b{basket}",
            "at": at,
            "received_at": at,
            "quantity": quantity,
            "amount_minor": amount,
            "currency": shop.spec.currency,
        }


def _events(shop: SimulatedShop, part: slice) -> Iterator[UsageEvent]:
    used, keys = shop.usage, shop.customers.key
    columns = (used.customer[part].tolist(), used.meter[part].tolist(), used.at_us[part].tolist())
    for number, (customer, meter, at_us) in enumerate(zip(*columns, strict=True), start=part.start):
        at = instant_of(at_us)
        yield UsageEvent(
            id=f"u{number}", source="simulated", type=METERS[meter], customer=keys[customer], at=at, data={}
        )


def _subscribe(unit: Unit, shop: SimulatedShop, ids: tuple[str, ...]) -> None:
    """A subscription for everybody, and a row for each step of it; the add-on is left out."""
    store, steps = SubscriptionStore(unit), shop.subscriptions
    current = CatalogStore(unit).current()
    running: dict[int, str] = {}
    columns = (steps.customer, steps.kind, steps.plan, steps.at_us)
    for customer, kind, plan, at_us in zip(*(each.tolist() for each in columns), strict=True):
        key, at = EVENT_PLANS[plan], instant_of(at_us)
        if key == ADDON:
            continue
        if customer not in running:
            running[customer] = f"sub_{customer:07d}"
            store.add(_subscription(ids[customer], running[customer], key, current[key].id, at))
        ended = EVENT_KINDS[kind] == "cancelled"
        HistoryStore(unit).record(
            StateChange(
                subscription_id=running[customer],
                customer_id=ids[customer],
                kind="ended" if ended else EVENT_KINDS[kind],
                plan_key=key,
                plan_rank=PLANS.index(key),
                mrr_minor=0 if ended else _MONTHLY_MINOR[key],
                at=at,
                received_at=at,
            )
        )


def _subscription(customer_id: str, subscription_id: str, plan: str, version: str, at: datetime) -> Subscription:
    return Subscription(
        id=subscription_id,
        customer_id=customer_id,
        plan_key=plan,
        version_id=version,
        currency="EUR",
        cadence=Cadence(at, Interval.MONTH, 1, "UTC"),
        status=Status.ACTIVE,
        started_at=at,
        ends_at=None,
        billed_periods=1,
        revision=0,
        usage_from=at,
    )
