"""From a pinned version to the rights it gives a customer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.entitlements.grant import Grant
from billing.kernel.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.subscriptions.subscription import Subscription


def grants_of(version: PlanVersion, subscription: Subscription, starts_at: datetime) -> list[Grant]:
    """The rights that a plan or add-on version gives from an instant on."""
    return [
        Grant(
            id=new_id("gra"),
            customer_id=subscription.customer_id,
            feature=granted.feature,
            value=granted.value,
            source_kind=version.kind.value,
            source_key=version.plan_key,
            subscription_id=subscription.id,
            cadence=subscription.cadence,
            starts_at=starts_at,
            ends_at=None,
        )
        for granted in version.grants
    ]
