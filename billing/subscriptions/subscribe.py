"""Starting a subscription: the newest version of a plan is pinned, the period anchored, the rights given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.store import GrantStore
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.ids import new_id
from billing.subscriptions.history import record
from billing.subscriptions.rights import grants_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import AlreadySubscribedError, ChangeRefusedError, Status, Subscription

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


def subscribe(unit: Unit, customer_key: str, plan_key: str, *, now: datetime) -> Subscription:
    """A new subscription of a customer to a plan from `now` on; its first fees fall due at once."""
    customer = CustomerStore(unit).lock(customer_key)
    running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    if running is not None:
        raise AlreadySubscribedError(
            f"{customer.key!r} is subscribed to {running.plan_key!r} already; change that subscription",
            customer=customer.key,
            subscription=running.id,
        )
    version = CatalogStore(unit).latest(plan_key)
    if version.kind is not PlanKind.PLAN:
        raise ChangeRefusedError(f"{plan_key!r} is an add-on; subscribe to a plan first", plan=plan_key)
    subscription = Subscription(
        id=new_id("sub"),
        customer_id=customer.id,
        plan_key=version.plan_key,
        version_id=version.id,
        currency=version.currency,
        cadence=Cadence(now, Interval(version.interval), version.interval_count, customer.zone),
        status=Status.ACTIVE,
        started_at=now,
        ends_at=None,
        billed_periods=0,
        revision=1,
        usage_from=now,
    )
    SubscriptionStore(unit).add(subscription)
    GrantStore(unit).add(grants_of(version, subscription, now))
    record(unit, subscription, "started", at=now)
    return subscription
