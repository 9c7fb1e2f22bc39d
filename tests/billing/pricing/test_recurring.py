"""Recurring prices a month: what makes a change an upgrade."""

from __future__ import annotations

from fractions import Fraction

import pytest

from billing.kernel.cadence import Interval
from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, MoneyError
from billing.pricing.recurring import Direction, RecurringPrice, direction

MONTHLY_20 = RecurringPrice(Money(2000, "EUR"), Interval.MONTH)


@pytest.mark.parametrize(
    ("amount", "interval", "count", "a_month"),
    [
        (1200, Interval.MONTH, 1, 1200),
        (3000, Interval.MONTH, 3, 1000),
        (18000, Interval.YEAR, 1, 1500),
        (1000, Interval.WEEK, 1, Fraction(13000, 3)),
        (100, Interval.DAY, 1, Fraction(36525, 12)),
    ],
)
def test_every_interval_has_an_exact_monthly_amount(
    amount: int, interval: Interval, count: int, a_month: Fraction | int
) -> None:
    """A year is 12 months, 52 weeks, or 365.25 days."""
    assert RecurringPrice(Money(amount, "EUR"), interval, count).minor_per_month == a_month


def test_direction_compares_the_monthly_amounts() -> None:
    """A yearly plan that is cheaper a month is a downgrade, however large its invoice."""
    assert direction(MONTHLY_20, RecurringPrice(Money(18000, "EUR"), Interval.YEAR)) is Direction.DOWNGRADE
    assert direction(MONTHLY_20, RecurringPrice(Money(30000, "EUR"), Interval.YEAR)) is Direction.UPGRADE
    assert direction(MONTHLY_20, RecurringPrice(Money(24000, "EUR"), Interval.YEAR)) is Direction.SAME


def test_what_cannot_be_compared_is_refused() -> None:
    """Another currency, or a price that never recurs."""
    with pytest.raises(MoneyError):
        direction(MONTHLY_20, RecurringPrice(Money(2000, "USD"), Interval.MONTH))
    with pytest.raises(InvalidError):
        RecurringPrice(Money(2000, "EUR"), Interval.MONTH, 0)
