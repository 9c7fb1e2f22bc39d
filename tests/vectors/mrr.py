"""Answers to the cases of monthly recurring revenue: any interval brought to a month, by our rule and by the one some others use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.kernel.cadence import Interval
from billing.kernel.money import Money, round_minor
from billing.pricing.recurring import MonthRule, RecurringPrice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case


def _prices(case: Case) -> list[RecurringPrice]:
    return [
        RecurringPrice(Money(each["amount_cents"], "EUR"), Interval(each["interval"]), each.get("interval_count", 1))
        for each in case.given["subscriptions"]
    ]


def _sum(case: Case, rule: MonthRule) -> int:
    """Each subscription's share is rounded once."""
    return sum(round_minor(price.per_month(rule)) for price in _prices(case))


MRR: Mapping[str, Callable[[Case], Any]] = {
    "mrr_cents": lambda case: _sum(case, MonthRule.EXACT),
    "polar_value_cents": lambda case: _sum(case, MonthRule.FOUR_WEEKS),
}
