"""Recurring prices side by side: any interval brought to an exact amount a month, so that a change is known as up or down.

A year is 12 months and 52 weeks, or 365.25 days: the stated policy of every monthly figure in the product. Some systems count a month as
four weeks or thirty days, which understates a weekly price by a thirteenth: that reading is here to compare figures with theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.cadence import Interval
from billing.kernel.errors import InvalidError
from billing.kernel.money import MoneyError

if TYPE_CHECKING:
    from billing.kernel.money import Money


class MonthRule(Enum):
    """How long a month is for prices by the day or the week."""

    EXACT = "exact"
    FOUR_WEEKS = "four_weeks"


_SAME = {Interval.MONTH: Fraction(1), Interval.YEAR: Fraction(1, 12)}
_PER_MONTH = {
    MonthRule.EXACT: {Interval.DAY: Fraction(36525, 1200), Interval.WEEK: Fraction(52, 12), **_SAME},
    MonthRule.FOUR_WEEKS: {Interval.DAY: Fraction(30), Interval.WEEK: Fraction(4), **_SAME},
}


class Direction(Enum):
    """Which way a plan change moves the monthly price."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class RecurringPrice:
    """`amount` every `count` intervals."""

    amount: Money
    interval: Interval
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidError("a price recurs every one or more intervals", count=self.count)

    @property
    def minor_per_month(self) -> Fraction:
        """The exact monthly amount in minor units.

        >>> from billing.kernel.money import Money
        >>> RecurringPrice(Money(18000, "EUR"), Interval.YEAR).minor_per_month
        Fraction(1500, 1)
        """
        return self.per_month(MonthRule.EXACT)

    def per_month(self, rule: MonthRule) -> Fraction:
        """The monthly amount in minor units by a rule, unrounded."""
        return self.amount.amount_minor * _PER_MONTH[rule][self.interval] / self.count


def direction(old: RecurringPrice, new: RecurringPrice) -> Direction:
    """Whether the change from `old` to `new` costs more a month; different currencies cannot be compared."""
    if old.amount.currency != new.amount.currency:
        raise MoneyError(
            f"{old.amount.currency} and {new.amount.currency} cannot be compared",
            left=old.amount.currency,
            right=new.amount.currency,
        )
    before, after = old.minor_per_month, new.minor_per_month
    if before == after:
        return Direction.SAME
    return Direction.UPGRADE if after > before else Direction.DOWNGRADE
