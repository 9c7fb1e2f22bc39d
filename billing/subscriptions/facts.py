"""Setting what a subscription's prices may depend on: segments, arms of experiments, place and commitment.

Prices follow from the next fees and the next rating on; what was quoted or billed stays. The facts are kept on the subscription, so that
every line can say by which of them it was priced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.subscriptions.history import record
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import ChangeRefusedError, Subscription
from billing.subscriptions.turn import REPRICED

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.pricing.context import PricingContext


def set_facts(unit: Unit, subscription_id: str, facts: PricingContext, *, now: datetime) -> Subscription:
    """Replace the facts; a quote that was given before holds its price for as long as it lives."""
    store = SubscriptionStore(unit)
    subscription = store.lock(subscription_id)
    if not subscription.is_running:
        raise ChangeRefusedError("the subscription has ended", subscription=subscription.id)
    if facts == subscription.facts:
        return subscription
    changed = replace(subscription, facts=facts)
    store.save(changed)
    record(unit, changed, REPRICED, at=now)
    return changed
