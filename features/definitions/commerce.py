"""Views over purchases: how often, how much, how lately and how widely a customer buys. Amounts are net minor units.

Orders are distinct baskets, so a basket of many lines counts once; an amount in a currency is never mixed with another, because a
source holds the purchases of one tenant in its one reporting currency.
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

OWNER: Final = "growth"


def _orders(days: int) -> FeatureView:
    return FeatureView(
        name=f"orders_{days}d",
        source=Source.PURCHASES,
        aggregate=Aggregate.COUNT_DISTINCT,
        column="basket",
        window_days=days,
        description=f"Distinct baskets bought in the last {days} days.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    )


def _spend(days: int) -> FeatureView:
    return FeatureView(
        name=f"spend_{days}d_minor",
        source=Source.PURCHASES,
        aggregate=Aggregate.SUM,
        column="amount_minor",
        window_days=days,
        description=f"Amount spent in the last {days} days, in minor units, net of returns.",
        owner=OWNER,
        personal_data=PersonalData.SPENDING,
    )


ORDERS_30D = _orders(30)
ORDERS_90D = _orders(90)
ORDERS_365D = _orders(365)
SPEND_30D = _spend(30)
SPEND_90D = _spend(90)
SPEND_365D = _spend(365)

VIEWS: Final[tuple[View, ...]] = (
    ORDERS_30D,
    ORDERS_90D,
    ORDERS_365D,
    SPEND_30D,
    SPEND_90D,
    SPEND_365D,
    FeatureView(
        name="days_since_last_order",
        source=Source.PURCHASES,
        aggregate=Aggregate.DAYS_SINCE_LAST,
        default=NEVER_DAYS,
        description="Whole days since the last purchase; ten years if there is none.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    ),
    FeatureView(
        name="days_since_first_order",
        source=Source.PURCHASES,
        aggregate=Aggregate.DAYS_SINCE_FIRST,
        description="Whole days since the first purchase; 0 for a customer without one.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    ),
    FeatureView(
        name="mean_order_gap_days",
        source=Source.PURCHASES,
        aggregate=Aggregate.MEAN_GAP_DAYS,
        column="basket",
        default=NEVER_DAYS,
        dtype="float64",
        description="Mean days between baskets over all history; ten years before the second basket.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    ),
    FeatureView(
        name="distinct_items_365d",
        source=Source.PURCHASES,
        aggregate=Aggregate.COUNT_DISTINCT,
        column="item",
        window_days=365,
        description="Different items bought in the last 365 days.",
        owner=OWNER,
        personal_data=PersonalData.BEHAVIOUR,
    ),
    DerivedView(
        name="basket_value_365d_minor",
        inputs=(SPEND_365D, ORDERS_365D),
        formula=Formula.RATIO,
        description="Average amount of a basket in the last 365 days, in minor units.",
        owner=OWNER,
    ),
    DerivedView(
        name="spend_trend_30d_90d",
        inputs=(SPEND_30D, SPEND_90D),
        formula=Formula.RATIO,
        scale=3,
        description="Spend of the last 30 days over the 30-day average of the last 90: 1 is steady, 3 all new, 0 stopped or never began.",
        owner=OWNER,
    ),
    DerivedView(
        name="order_trend_90d_365d",
        inputs=(ORDERS_90D, ORDERS_365D),
        formula=Formula.RATIO,
        scale=4,
        description="Orders of the last 90 days over the yearly rate: above 1 warms, below 1 cools, 0 without orders.",
        owner=OWNER,
    ),
)
