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


@dataclass(frozen=True, slots=True)
class Phrase:
    """`pattern` must match the whole name; `one` is for the value 1 where the wording differs, `zero` for 0; `{v}` is the value."""

    pattern: str
    words: str
    one: str | None = None
    zero: str | None = None

    def say(self, feature: str, value: float) -> str | None:
        """The words for this feature and value, or None if the phrase is for other features."""
        found = re.fullmatch(self.pattern, feature)
        if not found:
            return None
        words = self.zero if value == 0 and self.zero else self.one if value == 1 and self.one else self.words
        return words.format(*found.groups(), v=plain_number(value))


PHRASES: tuple[Phrase, ...] = (
    Phrase(r"days_since_last_order", "no order for {v} days", one="last order a day ago", zero="ordered today"),
    Phrase(r"days_since_first_order", "customer for {v} days", zero="new customer"),
    Phrase(
        r"days_since_last_(?:use|usage|event)", "not used for {v} days", one="last used a day ago", zero="used today"
    ),
    Phrase(
        r"orders?_(\d+)d",
        "{v} orders in the last {0} days",
        "one order in the last {0} days",
        "no order in the last {0} days",
    ),
    Phrase(
        r"(?:spend|revenue)_(?:minor_)?(\d+)d(?:_minor)?",
        "spend in the last {0} days",
        zero="spent nothing in the last {0} days",
    ),
    Phrase(r"(?:mean|average|avg)_(?:order_)?gap(?:_days)?", "usually orders every {v} days"),
    Phrase(r"(?:average|mean|avg)_(?:basket|order)(?:_value)?(?:_minor)?", "value of the usual basket"),
    Phrase(r"distinct_items(?:_\d+d)?", "{v} different items bought", "one item bought", "no item bought"),
    Phrase(
        r"(?:usage|quantity|use)_(\d+)d", "used {v} times in the last {0} days", zero="not used in the last {0} days"
    ),
    Phrase(r"active_days_(\d+)d", "active on {v} of the last {0} days", zero="not active in the last {0} days"),
    Phrase(r"(?:tenure|subscription_age)(?:_days)?", "subscribed for {v} days"),
    Phrase(r"plan_rank", "the present plan"),
    Phrase(
        r"(?:plan_)?changes_(\d+)d",
        "{v} plan changes in {0} days",
        "one plan change in {0} days",
        "no plan change in {0} days",
    ),
    Phrase(r"(?:is_)?cancell?ed(?:_flag)?|cancel_at_period_end", "has cancelled", zero="has not cancelled"),
    Phrase(r"(?:order|spend|purchase)s?_trend(?:_ratio)?", "orders compared with before"),
    Phrase(r"(?:usage|use)_trend(?:_ratio)?", "usage compared with before"),
    Phrase(r"mrr(?:_minor)?", "the present price"),
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
