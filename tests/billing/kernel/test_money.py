"""Money: exact in, exact out, rounded only by name, and parts that always add up."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import (
    MAX_MINOR,
    Money,
    MoneyError,
    Rounding,
    allocate_minor,
    exponent,
    format_quantity,
    parse_decimal,
    round_minor,
)

AMOUNTS = st.integers(min_value=-(10**12), max_value=10**12)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CLF"])
DECIMALS = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, places=6)


@given(AMOUNTS, st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=20))
def test_an_allocation_loses_nothing(amount: int, weights: list[int]) -> None:
    """The parts add up to the whole, and none is more than one unit away from its exact share."""
    parts = allocate_minor(amount, weights)

    assert sum(parts) == amount
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(amount * weight, total) if total else Fraction(amount, len(weights))
        assert abs(part - exact) < 1


@given(AMOUNTS, st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=10))
def test_an_allocation_of_the_negative_is_the_negative_of_the_allocation(amount: int, weights: list[int]) -> None:
    """A credit splits as the charge it takes back did."""
    assert allocate_minor(-amount, weights) == [-part for part in allocate_minor(amount, weights)]


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_weights_that_cannot_share_are_refused(weights: list[int]) -> None:
    """No weights, or one below zero, share nothing."""
    with pytest.raises(MoneyError):
        allocate_minor(100, weights)


@given(DECIMALS)
def test_rounding_agrees_with_the_decimal_module(value: Decimal) -> None:
    """Both policies are the standard library's own."""
    assert round_minor(value) == int(value.to_integral_value(ROUND_HALF_UP))
    assert round_minor(value, Rounding.HALF_EVEN) == int(value.to_integral_value(ROUND_HALF_EVEN))


@given(st.fractions(min_value=-1000, max_value=1000, max_denominator=1000))
def test_rounding_is_symmetric_about_zero(value: Fraction) -> None:
    """A credit rounds as its charge does, so that taking back takes back all."""
    assert round_minor(-value) == -round_minor(value)
    assert round_minor(-value, Rounding.HALF_EVEN) == -round_minor(value, Rounding.HALF_EVEN)


@given(AMOUNTS, CURRENCIES)
def test_the_text_of_an_amount_reads_back(amount: int, currency: str) -> None:
    """Out as text and in again is the same money, with exactly the currency's digits."""
    money = Money(amount, currency)

    assert Money.of(money.text, currency) == money
    assert len(money.text.partition(".")[2]) == exponent(currency)


@given(AMOUNTS, AMOUNTS, CURRENCIES)
def test_sums_and_differences_undo_each_other(left: int, right: int, currency: str) -> None:
    """Adding and taking away again changes nothing."""
    a, b = Money(left, currency), Money(right, currency)

    assert a + b - b == a
    assert a - a == Money.zero(currency)
    assert (a < b) == (left < right)


def test_two_currencies_do_not_mix() -> None:
    """Euros and dollars are neither added nor compared."""
    euro, dollar = Money(1, "EUR"), Money(1, "USD")

    with pytest.raises(MoneyError):
        euro + dollar
    with pytest.raises(MoneyError):
        euro - dollar
    with pytest.raises(MoneyError):
        assert euro < dollar


@pytest.mark.parametrize("text", ["12.345", "0.001", "1e-3"])
def test_more_digits_than_the_currency_has_are_refused_not_rounded(text: str) -> None:
    """An amount that is not whole minor units is a mistake of its writer."""
    with pytest.raises(MoneyError):
        Money.of(text, "EUR")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "", "twelve", "1e40"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    """Neither NaN nor words nor absurd sizes become decimals."""
    with pytest.raises(MoneyError):
        parse_decimal(text)


@pytest.mark.parametrize("amount", [MAX_MINOR + 1, -MAX_MINOR - 1, True, 1.0, Decimal(1)])
def test_only_whole_minor_units_within_reach_are_money(amount: object) -> None:
    """Floats, decimals, booleans and absurd sizes are not amounts."""
    with pytest.raises(MoneyError):
        Money(amount, "EUR")  # type: ignore[arg-type]


def test_a_currency_outside_the_standard_is_refused() -> None:
    """A code that ISO 4217 does not list has no exponent to guess."""
    with pytest.raises(MoneyError):
        Money(1, "XXX")


@given(st.decimals(min_value=0, max_value=10**9, places=12))
def test_a_quantity_reads_back_from_its_text(value: Decimal) -> None:
    """Dropping trailing zeros changes no value."""
    text = format_quantity(value)

    assert Decimal(text) == value
    assert "E" not in text
