"""Stairsteps: one price for a range, and the highest of several for capacity."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from billing.pricing.stairstep import Stairstep, Step, highest
from tests.billing.pricing.strategies import QUANTITIES
from tests.billing.pricing.strategies_models import stairsteps

MODEL = Stairstep((Step(Decimal(1000), Decimal(50)), Step(Decimal(5000), Decimal(200)), Step(None, Decimal(350))))


@given(stairsteps(), QUANTITIES)
def test_the_amount_is_the_price_of_a_step(model: Stairstep, quantity: Decimal) -> None:
    """Nothing lies between the steps."""
    prices = [step.price for step in model.steps]

    assert model.rate(quantity, "EUR").exact in ([0] if not quantity and not model.flat_at_zero else prices)


@pytest.mark.parametrize(("units", "price"), [("0", 50), ("1000", 50), ("1000.01", 200), ("5000", 200), ("9999", 350)])
def test_an_upper_bound_belongs_to_its_step(units: str, price: int) -> None:
    """The next step begins just above."""
    assert MODEL.rate(Decimal(units), "USD").exact == price


def test_the_first_step_at_zero_usage_is_a_choice() -> None:
    """Charged by default, and not where the price says so."""
    assert Stairstep(MODEL.steps, flat_at_zero=False).rate(Decimal(0), "USD").exact == 0


def test_capacity_charges_the_highest_step_that_any_unit_reaches() -> None:
    """Many members on little bandwidth pay for the members, once."""
    rated = highest([MODEL.rate(Decimal(10), "USD"), MODEL.rate(Decimal(2000), "USD")])

    assert rated.exact == 200
    assert [step.detail for step in rated.trace] == ["step 2, above 1000 up to 5000 units"]
