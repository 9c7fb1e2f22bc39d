"""Ending a subscription when the paid period ends: rights stay until then, and nothing new is charged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.entitlements.store import GrantStore
from billing.subscriptions.history import record
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import ChangeRefusedError, Status, Subscription

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


def cancel_at_period_end(unit: Unit, subscription_id: str, *, now: datetime) -> Subscription:
    """Let a subscription run out; asking twice changes nothing."""
    store = SubscriptionStore(unit)
    subscription = store.lock(subscription_id)
    if subscription.status is Status.CANCELLING:
        return subscription
    if not subscription.is_running:
        raise ChangeRefusedError("the subscription has ended already", subscription=subscription.id)
    cancelled = replace(
        subscription,
        status=Status.CANCELLING,
        ends_at=subscription.cadence.period_at(now).end,
        revision=subscription.revision + 1,
    )
    store.save(cancelled)
    GrantStore(unit).end(cancelled.id, subscription.cadence.period_at(now).end)  # whether or not billing runs that day
    record(unit, cancelled, "cancelled", at=now)
    return cancelled
