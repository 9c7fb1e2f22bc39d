"""Lists every feature view there is, and the named sets that the learners train on; a view exists once it is listed here.

A set is a tuple of names whose order is the order of a model's columns; changing one changes the set's hash and retires its models.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from billing.kernel.errors import NotFoundError
from features.definitions import commerce, subscription, usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from features.view import View

VIEWS: Final[tuple[View, ...]] = (*commerce.VIEWS, *usage.VIEWS, *subscription.VIEWS)
_BY_NAME: Final[Mapping[str, View]] = {view.name: view for view in VIEWS}

_SHOP: Final = (
    "orders_30d",
    "orders_90d",
    "orders_365d",
    "spend_30d_minor",
    "spend_90d_minor",
    "spend_365d_minor",
    "days_since_last_order",
    "days_since_first_order",
    "mean_order_gap_days",
    "distinct_items_365d",
    "basket_value_365d_minor",
    "spend_trend_30d_90d",
    "order_trend_90d_365d",
)
_USE: Final = (
    "usage_7d_micro",
    "usage_30d_micro",
    "usage_90d_micro",
    "usage_active_days_30d",
    "usage_active_days_90d",
    "meters_used_30d",
    "days_since_last_use",
    "usage_trend_7d_30d",
    "active_days_trend_30d_90d",
)
_CONTRACT: Final = ("plan_rank", "mrr_minor", "tenure_days", "plan_changes_90d")

CHURN: Final = (*_SHOP, *_USE, *_CONTRACT, "is_cancelled")
PROPENSITY: Final = (*_SHOP, *_USE, *_CONTRACT)
CLUSTERS: Final = (
    "orders_365d",
    "spend_365d_minor",
    "days_since_last_order",
    "mean_order_gap_days",
    "distinct_items_365d",
    "basket_value_365d_minor",
    "usage_30d_micro",
    "usage_active_days_30d",
    "mrr_minor",
)
FEATURE_SETS: Final[Mapping[str, tuple[str, ...]]] = {"churn": CHURN, "propensity": PROPENSITY, "clusters": CLUSTERS}


class UnknownViewError(NotFoundError):
    """No view of that name is in the catalogue; `close` holds the names that look like it."""

    code = "feature_view_unknown"


def view_named(name: str) -> View:
    """The view of a name.

    >>> view_named("orders_30d").description
    'Distinct baskets bought in the last 30 days.'
    """
    if name not in _BY_NAME:
        close = difflib.get_close_matches(name, _BY_NAME, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise UnknownViewError(f"There is no feature view {name!r}{hint}", name=name, close=close)
    return _BY_NAME[name]


def is_view(name: str) -> bool:
    """Whether there is a view of that name."""
    return name in _BY_NAME


def views_named(names: Iterable[str]) -> tuple[View, ...]:
    """The views of several names, in their order; raises UnknownViewError."""
    return tuple(view_named(name) for name in names)
