"""A customer who moves to another time zone: the present period keeps its end, and those after it follow the new wall clock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.kernel.cadence import zone_of
from billing.kernel.zone_move import moved_zone
from billing.subscriptions.history import record
from billing.subscriptions.schedule import period_end
from billing.subscriptions.store import SubscriptionStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription


def rezone(unit: Unit, customer_key: str, zone: str, *, now: datetime) -> Subscription | None:
    """The customer's zone from now on, with the running subscription, if there is one, as it is after it."""
    zone_of(zone)
    customer = CustomerStore(unit).lock(customer_key)
    CustomerStore(unit).update(replace(customer, zone=zone))
    store = SubscriptionStore(unit)
    running = store.running_of([customer.id]).get(customer.id)
    if running is None or running.cadence.zone == zone:
        return running
    subscription = store.lock(running.id)
    cadence, number = moved_zone(subscription.cadence, subscription.billed_periods, zone)
    after = replace(
        subscription,
        cadence=cadence,
        billed_periods=number,
        phase_from=subscription.phase_from + number - subscription.billed_periods,
        revision=subscription.revision + 1,
    )
    if period_end(after) != period_end(subscription):
        raise AssertionError("a period keeps its end when its owner moves")
    store.save(after)
    record(unit, after, "rezoned", at=now)
    return after
