"""A simulated shop in a database, written straight through the stores: who buys, uses and leaves is known, and so is the truth behind it.

Subscriptions are given their history rows without being billed, and end when their member leaves; what billing makes of them is tested
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.scope import Scope
from billing.kernel.cadence import Cadence, Interval
from billing.metering.event import UsageEvent
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import StateChange, Status, Subscription
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.sources import instant_of
from serving.demo.catalog import publish_catalogue
from training.simulate.membership import EVENT_KINDS, EVENT_PLANS
from training.simulate.shop import METERS
from training.simulate.spec import ADDON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Database, Unit
    from training.simulate.shop import SimulatedShop

_MONTHLY_MINOR = {"starter": 900, "plus": 1900, "pro": 4900}
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Stocked:
    """The shop, where its rows are, and the id of each member in the order of the truth."""

    shop: SimulatedShop
    database: Database
    scope: Scope
    ids: tuple[str, ...]

    @property
    def now(self) -> datetime:
        """The moment at which the simulation ended."""
        return instant_of(self.shop.spec.end_us)


def stock(database: Database, shop: SimulatedShop, *, with_subscriptions: bool = True) -> Stocked:
    """Everything that the shop would know, in a tenant of its own."""
    spec = shop.spec
    opened = open_tenant(
        database,
        name="Bean Street",
        currency=spec.currency,
        zone="UTC",
        mode=Mode.TEST,
        now=spec.start,
        frozen_at=spec.start + timedelta(days=spec.days),
    )
    scope = Scope(opened.tenant.id)
    with database.unit(scope) as unit:
        publish_catalogue(unit, currency=spec.currency, now=spec.start)
        by_key = CustomerStore(unit).ensure(shop.customers.key, spec.start)
    ids = tuple(by_key[key] for key in shop.customers.key)
    with database.unit(scope) as unit:
        for start in range(0, len(shop.purchases.at_us), _BATCH):
            PurchaseStore(unit).insert(list(_lines(shop, ids, slice(start, start + _BATCH))))
        for start in range(0, len(shop.usage.at_us), _BATCH):
            EventStore(unit).insert(list(_events(shop, slice(start, start + _BATCH))), by_key, None)
    if with_subscriptions:
        with database.unit(scope) as unit:
            _subscribe(unit, shop, ids)
    return Stocked(shop, database, scope, ids)


def _lines(shop: SimulatedShop, ids: tuple[str, ...], part: slice) -> Iterator[dict[str, object]]:
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
        yield UsageEvent(
            id=f"u{number}",
            source="simulated",
            type=METERS[meter],
            customer=keys[customer],
            at=instant_of(at_us),
            data={},
        )


def _subscribe(unit: Unit, shop: SimulatedShop, ids: tuple[str, ...]) -> None:
    """A subscription for everybody, and a row for each step of it; the add-on is left out."""
    store, steps = SubscriptionStore(unit), shop.subscriptions
    versions = dict(zip(("starter", "plus", "pro"), _versions(unit), strict=True))
    running: dict[int, Subscription] = {}
    columns = (steps.customer, steps.kind, steps.plan, steps.at_us)
    for customer, kind, plan, at_us in zip(*(each.tolist() for each in columns), strict=True):
        key, at = EVENT_PLANS[plan], instant_of(at_us)
        if key == ADDON:
            continue
        if customer not in running:
            running[customer] = _subscription(ids[customer], f"sub_{customer:06d}", key, versions[key], at)
            store.add(running[customer])
        ended = EVENT_KINDS[kind] == "cancelled"
        HistoryStore(unit).record(
            StateChange(
                subscription_id=running[customer].id,
                customer_id=ids[customer],
                kind="ended" if ended else EVENT_KINDS[kind],
                plan_key=key,
                plan_rank=EVENT_PLANS.index(key),
                mrr_minor=0 if ended else _MONTHLY_MINOR[key],
                at=at,
                received_at=at,
            )
        )


def _versions(unit: Unit) -> list[str]:
    current = CatalogStore(unit).current()
    return [current[key].id for key in ("starter", "plus", "pro")]


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
