"""A simulated shop as rows of the product's stores: purchases and usage in parts of any size, and everybody's subscription with its steps.

Subscriptions get their history without being billed, end when their member leaves, and leave the add-on out: for benchmarks and tests that
are about what is learned from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.catalog.store import CatalogStore
from billing.kernel.cadence import Cadence, Interval
from billing.metering.event import UsageEvent
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import StateChange, Status, Subscription
from features.sources import instant_of
from training.simulate.membership import EVENT_KINDS, EVENT_PLANS
from training.simulate.shop import METERS
from training.simulate.spec import ADDON, PLANS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from billing.db.session import Unit
    from training.simulate.shop import SimulatedShop

MONTHLY_MINOR = {"starter": 900, "plus": 1900, "pro": 4900}


def purchase_lines(shop: SimulatedShop, ids: tuple[str, ...], part: slice) -> Iterator[dict[str, Any]]:
    """A part of the purchases as rows of `PurchaseStore`; `ids` has the id of each member in the order of the truth."""
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


def usage_events(shop: SimulatedShop, part: slice) -> Iterator[UsageEvent]:
    """A part of the usage as events of `EventStore`."""
    used, keys = shop.usage, shop.customers.key
    columns = (used.customer[part].tolist(), used.meter[part].tolist(), used.at_us[part].tolist())
    for number, (customer, meter, at_us) in enumerate(zip(*columns, strict=True), start=part.start):
        at = instant_of(at_us)
        yield UsageEvent(
            id=f"u{number}", source="simulated", type=METERS[meter], customer=keys[customer], at=at, data={}
        )


def subscribe(unit: Unit, shop: SimulatedShop, ids: tuple[str, ...]) -> None:
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
                mrr_minor=0 if ended else MONTHLY_MINOR[key],
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
