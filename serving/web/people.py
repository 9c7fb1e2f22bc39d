"""Whom a visitor of the demonstration may be: customers for whom there is something to see, the most telling first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.item import FeatureKind
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.page import MAX_PAGE
from billing.kernel.period import Period
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.store import SubscriptionStore
from features.scores.store import ScoreStore
from features.segments.store import SegmentStore
from models.offers.holdout import is_held_out
from models.offers.rules.limit_near import THRESHOLD
from serving.predict.signals import limits_of

if TYPE_CHECKING:
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription
    from serving.web.gate import Demo

_CHOICE = 18
_BUSY = 8
_LATELY = timedelta(days=30)


def people(unit: Unit, demo: Demo) -> list[dict[str, Any]]:
    """The customer that the demonstration names, the busiest on their limits, the likeliest to upgrade or leave, then others."""
    subscribed = SubscriptionStore(unit).page(limit=MAX_PAGE).items
    named = CustomerStore(unit).find(demo.customer) if demo.customer else None
    ids = [named.id] if named else []
    ids += _busiest(unit, subscribed, demo.now)[:_BUSY]
    ids += [score.customer_id for task in ("propensity", "churn") for score in ScoreStore(unit).highest(task, 4)]
    ids += _spread([(each.plan_key, each.customer_id) for each in subscribed if each.is_running])
    ids += [customer.id for customer in CustomerStore(unit).page(limit=_CHOICE).items]
    return sorted(_described(unit, demo, list(dict.fromkeys(ids))[:_CHOICE]), key=_telling)


def is_control(demo: Demo, customer: Customer) -> bool:
    """Whether this customer never sees an offer, so that offers can be measured."""
    return is_held_out(demo.tenant.id, customer.key, share=demo.services.settings.holdout_per_ten_thousand)


def _described(unit: Unit, demo: Demo, ids: list[str]) -> list[dict[str, Any]]:
    customers, running = CustomerStore(unit).by_ids(ids), SubscriptionStore(unit).running_of(ids)
    orders, plans = PurchaseStore(unit).orders_of(ids, demo.now), CatalogStore(unit).current()
    names, members = {each.key: each.name for each in SegmentStore(unit).all()}, SegmentStore(unit).members()
    return [
        {
            "customer": customers[customer_id],
            "plan": plans[running[customer_id].plan_key].plan_name if customer_id in running else None,
            "segment": names.get(members.get(customer_id, "")),
            "orders": orders.get(customer_id, 0),
            "limits": limits_of(unit, customer_id, now=demo.now),
            "held_out": is_control(demo, customers[customer_id]),
            "is_named": customers[customer_id].key == demo.customer,
        }
        for customer_id in ids
    ]


def _telling(person: dict[str, Any]) -> tuple[bool, bool, bool, bool]:
    """The named one first, then those near a limit, then those with a plan, then the rest; the control group last."""
    near = any(limit.ratio >= THRESHOLD for limit in person["limits"])
    return not person["is_named"], person["held_out"], not near, person["plan"] is None


def _busiest(unit: Unit, subscribed: tuple[Subscription, ...], now: datetime) -> list[str]:
    """Customers by how much of a limit they lately used, most first: a rough order, since their periods differ."""
    catalog = CatalogStore(unit)
    meters, shares = catalog.meters(), dict[str, float]()
    plans = catalog.by_ids({version_id for each in subscribed for version_id in each.version_ids})
    for feature in catalog.features().values():
        if feature.kind is not FeatureKind.LIMIT or feature.meter_key not in meters:
            continue
        used = EventStore(unit).counts(meters[feature.meter_key].event_type, Period(now - _LATELY, now))
        for each in subscribed:
            values = [
                right.value
                for version_id in each.version_ids
                for right in plans[version_id].grants
                if right.feature == feature.key
            ]
            limit = sum(value for value in values if isinstance(value, int))
            if values and None not in values and limit and each.is_running:
                share = used.get(each.customer_id, 0) / limit
                shares[each.customer_id] = max(share, shares.get(each.customer_id, 0.0))
    return sorted(shares, key=lambda customer_id: (-shares[customer_id], customer_id))


def _spread(pairs: list[tuple[str, str]], each: int = 5) -> list[str]:
    """At most `each` customers of every plan, plans in turn."""
    by_plan: dict[str, list[str]] = {}
    for plan, customer_id in pairs:
        by_plan.setdefault(plan, []).append(customer_id)
    return [ids[place] for place in range(each) for ids in by_plan.values() if place < len(ids)]
