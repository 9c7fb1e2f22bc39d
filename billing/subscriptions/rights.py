"""From a pinned version to the rights it gives a customer. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.catalog.setting import Setting
from billing.entitlements.grant import Grant
from billing.kernel.ids import new_id

BOUGHT = "bought"
"""The source of rights that are bought once: they outlast changes of the plan."""

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
            ends_at=subscription.ends_at,
        )
        for granted in version.grants
    ]


def bought_rights(version: PlanVersion, subscription: Subscription, at: datetime) -> list[Grant]:
    """The rights of what is bought once: a feature for as long as the subscription lives, an amount until the period's end."""
    end = subscription.cadence.period_at(at).end
    return [
        replace(grant, source_kind=BOUGHT, ends_at=grant.ends_at if isinstance(grant.value, bool | Setting) else end)
        for grant in grants_of(version, subscription, at)
    ]
