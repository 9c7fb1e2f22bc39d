"""Units before pricing: converted as told, and given away once a period however the period is split."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing.conversion import Conversion, ConversionError, FreeUnits, WholeUnits
from tests.billing.pricing.strategies import QUANTITIES

FACTORS = st.decimals(min_value=Decimal("0.001"), max_value=10**9, places=3)


@given(QUANTITIES, FACTORS)
def test_whole_units_lie_around_the_exact_ones(quantity: Decimal, factor: Decimal) -> None:
    """Down is the exact count at most and up at least, less than one apart, the nearest between them."""
    exact = Fraction(quantity) / Fraction(factor)
    down, nearest, up = (
        Fraction(Conversion(factor, whole).converted(quantity))
        for whole in (WholeUnits.DOWN, WholeUnits.NEAREST, WholeUnits.UP)
    )

    assert exact - 1 < down <= exact <= up < exact + 1
    assert down <= nearest <= up
    assert abs(nearest - exact) <= Fraction(1, 2)
    assert abs(Fraction(Conversion(factor).converted(quantity)) - exact) <= Fraction(1, 2 * 10**12)


@given(QUANTITIES, st.lists(QUANTITIES, max_size=5))
def test_free_units_are_given_once_whatever_the_splits(free: Decimal, parts: list[Decimal]) -> None:
    """The parts of a period are billed and given what one invoice would be."""
    units, used, billable, given_away = FreeUnits(free), Decimal(0), Decimal(0), Decimal(0)
    for part in parts:
        split = units.split(part, before=used)
        assert min(split) >= 0
        used, billable, given_away = used + part, billable + split.billable, given_away + split.free

    assert (billable, given_away) == units.split(used)
    assert given_away == min(free, used)


def test_free_units_already_taken_are_not_given_again() -> None:
    """Ten free, twenty invoiced before: all fifteen of this invoice are billed, and ten of the twenty were."""
    ten = FreeUnits(Decimal(10))

    assert ten.split(Decimal(15), before=Decimal(20)) == (Decimal(15), Decimal(0))
    assert ten.billable(Decimal(20)) == Decimal(10)


def test_seconds_become_started_minutes() -> None:
    """61 seconds are two minutes up, one down, one to the nearest, and 1.016666666667 exactly told."""
    minutes = {whole: Conversion(Decimal(60), whole).converted(Decimal(61)) for whole in WholeUnits}

    assert minutes == {
        WholeUnits.EXACT: Decimal("1.016666666667"),
        WholeUnits.UP: Decimal(2),
        WholeUnits.DOWN: Decimal(1),
        WholeUnits.NEAREST: Decimal(1),
    }


def test_a_large_quantity_keeps_all_its_digits() -> None:
    """Nothing is cut to 28 digits on the way."""
    quantity = Decimal("123456789012345678901234567890.5")

    assert Conversion(Decimal("0.5")).converted(quantity) == Decimal(246913578024691357802469135781)
    assert FreeUnits(Decimal("0.5")).split(quantity).billable == Decimal(123456789012345678901234567890)


def test_what_cannot_be_converted_is_refused() -> None:
    """A unit of nothing, free units below zero, usage below zero."""
    for factor in ("0", "-1", "NaN"):
        with pytest.raises(ConversionError):
            Conversion(Decimal(factor))
    with pytest.raises(ConversionError):
        FreeUnits(Decimal(-1))
    with pytest.raises(ConversionError):
        FreeUnits(Decimal(1)).split(Decimal(-1))
