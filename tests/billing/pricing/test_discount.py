"""Coupons: they take what they say, never more than there is, from the lines they are for, as long as they last."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.money import Money
from billing.pricing.discount import (
    FOREVER,
    AmountOff,
    Coupon,
    CouponError,
    Duration,
    PercentOff,
    Stacking,
    discount,
)
from billing.pricing.item import Item, Scope, net_of, sum_of
from tests.billing.pricing.invoice_strategies import AMOUNTS_OFF, COUPONS, EXACTS, SIGNED, cents, euros, items

NOTHING = Money.zero("EUR")
START = datetime(2025, 1, 31, tzinfo=UTC)


def _off(key: str, percent: str) -> Coupon:
    return Coupon(key=key, worth=PercentOff(Decimal(percent)))


@given(items(SIGNED), st.lists(COUPONS, max_size=4), st.sampled_from(Stacking))
def test_what_coupons_take_is_what_lines_lose(lines: list[Item], coupons: list[Coupon], stacking: Stacking) -> None:
    """Cent for cent, and no line that was a charge becomes a credit."""
    done = discount(lines, coupons, "EUR", stacking=stacking)

    taken = sum_of((taken.amount for taken in done.taken), "EUR")
    assert net_of(done.items, "EUR") == net_of(lines, "EUR") - taken
    for after, before in zip(done.items, lines, strict=True):
        assert min(before.net, NOTHING) <= after.net <= before.net


@given(items(EXACTS), st.lists(AMOUNTS_OFF, max_size=4), st.permutations(range(4)))
def test_fixed_amounts_take_the_same_in_any_order(lines: list[Item], worths: list[AmountOff], order: list[int]) -> None:
    """Together they take their sum, or all there is."""
    coupons = [Coupon(key=f"c{place}", worth=worth) for place, worth in enumerate(worths)]
    shuffled = [coupons[place] for place in order if place < len(coupons)]

    one, other = (net_of(discount(lines, kept, "EUR").items, "EUR") for kept in (coupons, shuffled))

    assert one == other
    assert one == max(net_of(lines, "EUR") - sum_of((worth.amount for worth in worths), "EUR"), NOTHING)


@given(items(EXACTS), st.lists(COUPONS, max_size=4))
def test_what_a_fixed_coupon_cannot_use_is_told(lines: list[Item], coupons: list[Coupon]) -> None:
    """Taken and unused add up to the coupon, and something is unused only where nothing is left in its scope."""
    done = discount(lines, coupons, "EUR")

    for taken in done.taken:
        if isinstance(taken.coupon.worth, AmountOff):
            assert taken.amount + taken.unused == taken.coupon.worth.amount
        if taken.unused != NOTHING:
            assert net_of(filter(taken.coupon.scope.covers, done.items), "EUR") == NOTHING


@given(items(EXACTS), st.integers(min_value=1, max_value=10**6))
def test_a_change_there_and_back_is_discounted_by_nothing(lines: list[Item], minor: int) -> None:
    """Charges and their credits on one invoice leave nothing to take a discount from."""
    credits_ = [cents(line.line.key, -line.net.amount_minor) for line in lines]

    done = discount([*lines, *credits_], [_off("half", "50"), Coupon(key="c", worth=AmountOff(euros(minor)))], "EUR")

    assert all(taken.amount == NOTHING for taken in done.taken)


def test_a_percent_is_taken_of_the_sum_and_shared() -> None:
    """A third of two euros in two lines is 67 cents, not twice 33."""
    done = discount([cents("api", 100), cents("fee", 100)], [_off("third", "33.33")], "EUR")

    assert [item.net.amount_minor for item in done.items] == [66, 67]


def test_two_percents_are_chained_or_stand_side_by_side() -> None:
    """Ten percent twice: 81 of the rest, or 80 of the start; side by side they stop at nothing."""
    line = [cents("fee", 10000)]
    tens, most = [_off("a", "10"), _off("b", "10")], [_off("a", "60"), _off("b", "60")]

    assert discount(line, tens, "EUR").items[0].net.text == "81.00"
    assert discount(line, tens, "EUR", stacking=Stacking.SIDE_BY_SIDE).items[0].net.text == "80.00"
    assert discount(line, most, "EUR", stacking=Stacking.SIDE_BY_SIDE).items[0].net.text == "0.00"


def test_a_coupon_limited_to_a_charge_leaves_the_others() -> None:
    """Only the line it is for pays less."""
    coupon = Coupon(key="API50", worth=PercentOff(Decimal(50)), scope=Scope(charges=frozenset({"api"})))

    done = discount([cents("api", 300), cents("fee", 100)], [coupon], "EUR")

    assert [item.net.amount_minor for item in done.items] == [150, 100]
    assert done.items[0].cuts[0].detail == "API50: 50 % off"


def test_three_periods_are_the_first_three() -> None:
    """Counted from the first period after redeeming, whatever their length."""
    period = Cadence(START).period(0)

    assert [Duration(periods=3).covers(number, period, START) for number in (-1, 0, 2, 3)] == [False, True, True, False]


def test_months_reach_every_period_that_starts_before_they_are_over() -> None:
    """Three months from 31 January cover the periods from there, 28 February and 31 March; a month covers a first year whole."""
    monthly, yearly = Cadence(START), Cadence(START, Interval.YEAR)

    three = [Duration(months=3).covers(number, monthly.period(number), START) for number in range(5)]
    one = [Duration(months=1).covers(number, yearly.period(number), START) for number in range(2)]

    assert three == [True, True, True, False, False]
    assert one == [True, False]
    assert FOREVER.covers(99, monthly.period(99), START)


def test_coupons_that_mean_nothing_are_refused() -> None:
    """Nothing off, more than everything off, no time at all, two durations, another currency."""
    with pytest.raises(CouponError):
        AmountOff(NOTHING)
    for percent in ("0", "100.01", "-5", "NaN"):
        with pytest.raises(CouponError):
            PercentOff(Decimal(percent))
    with pytest.raises(CouponError):
        Duration(periods=0)
    with pytest.raises(CouponError):
        Duration(periods=1, months=1)
    with pytest.raises(CouponError):
        discount([cents("fee", 100)], [Coupon(key="usd", worth=AmountOff(Money(1, "USD")))], "EUR")
