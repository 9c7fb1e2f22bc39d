"""Views over subscription changes: what a customer is on, since when, how restless, and whether on the way out.

A row holds the state after its change, so the latest row is the present state; an ended subscription has an MRR of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from features.view import Aggregate, FeatureView, PersonalData, Source, Where

if TYPE_CHECKING:
    from features.view import View

OWNER: Final = "billing"

VIEWS: Final[tuple[View, ...]] = (
    FeatureView(
        name="plan_rank",
        source=Source.SUBSCRIPTIONS,
        aggregate=Aggregate.LATEST,
        column="plan_rank",
        default=-1,
        description="Rank of the latest plan in the catalogue, dearer is higher; -1 without a subscription.",
        owner=OWNER,
        personal_data=PersonalData.CONTRACT,
    ),
    FeatureView(
        name="mrr_minor",
        source=Source.SUBSCRIPTIONS,
        aggregate=Aggregate.LATEST,
        column="mrr_minor",
        description="Monthly recurring revenue after the latest change, in minor units.",
        owner=OWNER,
        personal_data=PersonalData.SPENDING,
    ),
    FeatureView(
        name="tenure_days",
        source=Source.SUBSCRIPTIONS,
        aggregate=Aggregate.DAYS_SINCE_FIRST,
        where=(Where("kind", ("started",)),),
        description="Whole days since the first subscription started; 0 without one.",
        owner=OWNER,
        personal_data=PersonalData.CONTRACT,
    ),
    FeatureView(
        name="plan_changes_90d",
        source=Source.SUBSCRIPTIONS,
        aggregate=Aggregate.COUNT,
        window_days=90,
        where=(Where("kind", ("changed",)),),
        description="Plan changes in the last 90 days, up or down.",
        owner=OWNER,
        personal_data=PersonalData.CONTRACT,
    ),
    FeatureView(
        name="is_cancelled",
        source=Source.SUBSCRIPTIONS,
        aggregate=Aggregate.LATEST_IN,
        column="kind",
        among=("cancelled", "ended"),
        where=(Where("kind", ("started", "resumed", "cancelled", "ended")),),
        description="1 if the customer has cancelled or ended and not resumed since; a plan change does not undo it.",
        owner=OWNER,
        personal_data=PersonalData.CONTRACT,
    ),
)
