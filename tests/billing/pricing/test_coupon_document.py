"""Coupons' documents are read exactly, or refused by the field."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.pricing.coupon_document import Limits, parse_coupon, parse_limits
from billing.pricing.discount import FOREVER, AmountOff, Coupon, CouponError, Duration, Level, PercentOff
from billing.pricing.item import Scope

BASE: dict[str, Any] = {"key": "spring", "name": "Spring"}
FULL: dict[str, Any] = {
    **BASE,
    "amount": "5.50",
    "currency": "EUR",
    "duration": {"months": 3},
    "plans": ["plus", "pro"],
    "charges": ["fee"],
    "level": "line",
    "redeem_by": "2026-06-01T00:00:00Z",
    "max_redemptions": 100,
    "once_per_customer": True,
    "first_time_only": True,
}


def test_every_field_is_read() -> None:
    """An amount off one charge of two plans, for three months, under every limit."""
    assert parse_coupon(FULL) == Coupon(
        key="spring",
        worth=AmountOff(Money(550, "EUR")),
        scope=Scope(plans=frozenset({"plus", "pro"}), charges=frozenset({"fee"})),
        level=Level.LINE,
        duration=Duration(months=3),
    )
    assert parse_limits(FULL) == Limits(
        redeem_by=datetime(2026, 6, 1, tzinfo=UTC), max_redemptions=100, once_per_customer=True, first_time_only=True
    )


def test_what_is_left_out_limits_nothing() -> None:
    """A percent off the whole invoice, for good, for everybody."""
    coupon = parse_coupon({**BASE, "percent": "12.5"})

    assert (coupon.worth, coupon.level, coupon.duration) == (PercentOff(Decimal("12.5")), Level.INVOICE, FOREVER)
    assert parse_limits(BASE) == Limits()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount": None}, "amount"),
        ({"percent": "5"}, "amount"),
        ({"amount": 5}, "amount"),
        ({"currency": None}, "currency"),
        ({"amount": None, "percent": "5"}, "currency"),
        ({"amount": None, "currency": None, "percent": "100.1"}, "percent"),
        ({"amount": None, "currency": None, "percent": "NaN"}, "percent"),
        ({"duration": "always"}, "duration"),
        ({"duration": {"periods": 1, "months": 1}}, "duration"),
        ({"duration": {"periods": 0}}, "duration.periods"),
        ({"duration": {"months": True}}, "duration.months"),
        ({"plans": "plus"}, "plans"),
        ({"charges": [1]}, "charges"),
        ({"level": "order"}, "level"),
        ({"name": ""}, "name"),
        ({"key": "k" * 101}, "key"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_coupon_that_means_nothing_is_refused(changed: dict[str, Any], field: str) -> None:
    """By its field."""
    with pytest.raises(CouponError) as refused:
        parse_coupon({**FULL, **changed})

    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"redeem_by": "2026-06-01"}, "redeem_by"),
        ({"redeem_by": 5}, "redeem_by"),
        ({"max_redemptions": 0}, "max_redemptions"),
        ({"max_redemptions": True}, "max_redemptions"),
        ({"once_per_customer": "yes"}, "once_per_customer"),
        ({"first_time_only": 1}, "first_time_only"),
    ],
)
def test_limits_that_mean_nothing_are_refused(changed: dict[str, Any], field: str) -> None:
    """By their field."""
    with pytest.raises(CouponError) as refused:
        parse_limits({**FULL, **changed})

    assert refused.value.facts["field"] == field


@given(st.decimals(min_value=Decimal("0.01"), max_value=100, places=2))
def test_a_percent_is_read_to_its_last_digit(percent: Decimal) -> None:
    """Never by way of a number that rounds."""
    assert parse_coupon({**BASE, "percent": f"{percent:f}"}).worth == PercentOff(percent)


@given(st.integers(1, 10**12))
def test_an_amount_is_read_to_the_cent(minor: int) -> None:
    """Whatever it is."""
    money = Money(minor, "EUR")

    assert parse_coupon({**BASE, "amount": money.text, "currency": "EUR"}).worth == AmountOff(money)
