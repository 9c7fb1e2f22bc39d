"""Views over metered usage, all meters together: how much, on how many days, how lately. Quantities are millionths of a unit.

A meter of its own is one more entry with `where=(Where("meter", ("api_calls",)),)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from features.view import (
    NEVER_DAYS,
    Aggregate,
    DerivedView,
    FeatureView,
    Formula,
    PersonalData,
    Source,
)

if TYPE_CHECKING:
    from features.view import View

OWNER: Final = "product"


def _quantity(days: int) -> FeatureView:
    return FeatureView(
        name=f"usage_{days}d_micro",
        source=Source.USAGE,
        aggregate=Aggregate.SUM,
        column="quantity_micro",
        window_days=days,
        description=f"Quantity used in the last {days} days over all meters, in millionths.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    )


def _active_days(days: int) -> FeatureView:
    return FeatureView(
        name=f"usage_active_days_{days}d",
        source=Source.USAGE,
        aggregate=Aggregate.ACTIVE_DAYS,
        window_days=days,
        description=f"Calendar days (UTC) with any usage in the last {days} days.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    )


USAGE_7D = _quantity(7)
USAGE_30D = _quantity(30)
USAGE_90D = _quantity(90)
ACTIVE_DAYS_30D = _active_days(30)
ACTIVE_DAYS_90D = _active_days(90)

VIEWS: Final[tuple[View, ...]] = (
    USAGE_7D,
    USAGE_30D,
    USAGE_90D,
    ACTIVE_DAYS_30D,
    ACTIVE_DAYS_90D,
    FeatureView(
        name="meters_used_30d",
        source=Source.USAGE,
        aggregate=Aggregate.COUNT_DISTINCT,
        column="meter",
        window_days=30,
        description="Different meters used in the last 30 days: breadth of adoption.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    ),
    FeatureView(
        name="days_since_last_use",
        source=Source.USAGE,
        aggregate=Aggregate.DAYS_SINCE_LAST,
        default=NEVER_DAYS,
        description="Whole days since the last usage event; ten years if there is none.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    ),
    DerivedView(
        name="usage_trend_7d_30d",
        inputs=(USAGE_7D, USAGE_30D),
        formula=Formula.RATIO,
        scale=4,
        description="Four weeks at the rate of the last 7 days, over the last 30 days: about 1 is steady, 0 stopped or never began.",
        owner=OWNER,
    ),
    DerivedView(
        name="active_days_trend_30d_90d",
        inputs=(ACTIVE_DAYS_30D, ACTIVE_DAYS_90D),
        formula=Formula.RATIO,
        scale=3,
        description="Active days of the last 30 over the 30-day average of the last 90: 1 is steady, 0 stopped or never began.",
        owner=OWNER,
    ),
)
