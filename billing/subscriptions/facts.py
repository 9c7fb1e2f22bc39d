"""Setting what a subscription's prices may depend on: segments, arms of experiments, place and commitment.

Prices follow from the next fees and the next rating on; what was quoted or billed stays. The facts are kept on the subscription, so that
every line can say by which of them it was priced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import ChangeRefusedError, Subscription

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
    payload = {"subscription": changed.id, "facts": facts.to_document()}
    unit.emit("subscription.repriced", f"{changed.id}:{now.isoformat()}", payload, now)
    return changed
