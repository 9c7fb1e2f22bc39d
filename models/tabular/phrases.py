"""Reasons in words a shopkeeper would use: a phrase for a feature, filled with the customer's own value.

A phrase is chosen by the feature's name (a pattern, whose groups become numbers such as the window's days); a feature without a phrase is
told by its name and value. Words never claim more than the value does; the direction is told beside them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


NEVER_DAYS = 3650
"""What the feature catalogue says for days since something that never happened: ten years."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """`pattern` must match the whole name; the first words of `below` whose bound is above the value are said, else `words`.

    `{v}` is the value, `{0}` the pattern's first group.
    """

    pattern: str
    words: str
    below: tuple[tuple[float, str], ...] = ()

    def say(self, feature: str, value: float) -> str | None:
        """The words for this feature and value, or None if the phrase is for other features."""
        found = re.fullmatch(self.pattern, feature)
        if not found:
            return None
        words = next((words for bound, words in self.below if value < bound), self.words)
        return words.format(*found.groups(), v=plain_number(value))


def _days(pattern: str, never: str, *, today: str, yesterday: str, days: str) -> Phrase:
    return Phrase(pattern, never, ((1, today), (2, yesterday), (NEVER_DAYS, days)))


def _trend(pattern: str, verb: str) -> Phrase:
    stopped, less, same = f"no longer {verb}", f"{verb} less than before", f"{verb} as before"
    return Phrase(pattern, f"{verb} more than before", ((1e-9, stopped), (0.8, less), (1.25, same)))


def _count(pattern: str, *, none: str, one: str, many: str) -> Phrase:
    return Phrase(pattern, many, ((1, none), (2, one)))


PHRASES: tuple[Phrase, ...] = (
    _days(
        r"days_since_last_order",
        "never ordered",
        today="ordered today",
        yesterday="last order a day ago",
        days="no order for {v} days",
    ),
    _days(
        r"days_since_last_use",
        "never used",
        today="used today",
        yesterday="last used a day ago",
        days="not used for {v} days",
    ),
    Phrase(r"days_since_first_order", "first order {v} days ago", ((1, "no order before today"),)),
    _count(
        r"orders_(\d+)d",
        none="no order in the last {0} days",
        one="one order in the last {0} days",
        many="{v} orders in the last {0} days",
    ),
    Phrase(
        r"spend_(\d+)d_minor", "the amount spent in the last {0} days", ((1, "nothing spent in the last {0} days"),)
    ),
    Phrase(r"mean_order_gap_days", "has not ordered twice", ((NEVER_DAYS, "usually orders every {v} days"),)),
    Phrase(r"basket_value_(\d+)d_minor", "the value of the usual basket", ((1, "no basket in the last {0} days"),)),
    _count(
        r"distinct_items_(\d+)d",
        none="nothing bought in the last {0} days",
        one="one product bought in the last {0} days",
        many="{v} different products bought in the last {0} days",
    ),
    Phrase(r"usage_(\d+)d_micro", "the amount used in the last {0} days", ((1, "nothing used in the last {0} days"),)),
    _count(
        r"(?:usage_)?active_days_(\d+)d",
        none="not active in the last {0} days",
        one="active on one of the last {0} days",
        many="active on {v} of the last {0} days",
    ),
    _count(
        r"meters_used_(\d+)d",
        none="no feature used in the last {0} days",
        one="one feature used in the last {0} days",
        many="{v} features used in the last {0} days",
    ),
    _trend(r"(?:spend|order)_trend_.*", "orders"),
    _trend(r"(?:usage|active_days)_trend_.*", "uses it"),
    Phrase(r"tenure_days", "subscribed for {v} days", ((1, "not subscribed before today"),)),
    Phrase(r"plan_rank", "the present plan", ((0, "no plan"),)),
    _count(
        r"plan_changes_(\d+)d",
        none="no plan change in {0} days",
        one="one plan change in {0} days",
        many="{v} plan changes in {0} days",
    ),
    Phrase(r"periods_ahead", "how far ahead the month lies"),
    Phrase(r"tenure_then_days", "subscribed for {v} days by then"),
    Phrase(r"target_rank", "the plan itself"),
    Phrase(r"steps_up", "{v} plans above the present one", ((2, "the next plan up"),)),
    Phrase(r"is_cancelled", "has cancelled", ((1, "has not cancelled"),)),
    Phrase(r"mrr_minor", "the present price", ((1, "pays no subscription"),)),
)


def describe_feature(feature: str, value: float, phrases: Sequence[Phrase] = PHRASES) -> str:
    """One feature and its value in words.

    >>> describe_feature("days_since_last_order", 61.0)
    'no order for 61 days'
    >>> describe_feature("orders_90d", 1.0), describe_feature("loyalty_points", float("nan"))
    ('one order in the last 90 days', 'loyalty points unknown')
    """
    name = feature.replace("_", " ")
    if math.isnan(value):
        return f"{name} unknown"
    said = (phrase.say(feature, value) for phrase in phrases)
    return next((words for words in said if words), f"{name} {plain_number(value)}")


def plain_number(value: float) -> str:
    """Whole numbers without a point, others with at most one decimal.

    >>> plain_number(61.0), plain_number(0.26), plain_number(1234.5)
    ('61', '0.3', '1,234.5')
    """
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 10_000 else f"{value:,.1f}"
