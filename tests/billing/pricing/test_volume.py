"""Volume prices: one tier for every unit, even where that lowers the bill."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given

from billing.pricing.per_unit import PerUnit
from billing.pricing.tiers import Tier
from billing.pricing.volume import Volume
from tests.billing.pricing.strategies import PRICES, QUANTITIES
from tests.billing.pricing.strategies_models import VOLUMES

MODEL = Volume((Tier(Decimal(10), Decimal(5), Decimal(2)), Tier(None, Decimal(3), Decimal(4))))


@given(VOLUMES, QUANTITIES)
def test_every_unit_has_the_one_price(model: Volume, quantity: Decimal) -> None:
    """Some tier holds the quantity, and the amount is its price times all units and its flat amount."""
    amounts = [
        Fraction(quantity) * Fraction(tier.unit_price) + (Fraction(tier.flat) if quantity or model.flat_at_zero else 0)
        for tier in model.tiers
        if tier.up_to is None or quantity <= tier.up_to
    ]

    assert model.rate(quantity, "EUR").exact == amounts[0]


@given(PRICES, QUANTITIES)
def test_one_tier_is_a_unit_price(price: Decimal, quantity: Decimal) -> None:
    """Without bounds there is nothing to choose."""
    assert Volume((Tier(None, price),)).rate(quantity, "EUR").exact == PerUnit(price).rate(quantity, "EUR").exact


def test_crossing_a_bound_may_lower_the_bill() -> None:
    """Ten units cost 52 and eleven 37, as the price list says."""
    assert MODEL.rate(Decimal(10), "EUR").exact == 52
    assert MODEL.rate(Decimal(11), "EUR").exact == 37


def test_the_flat_amount_at_zero_usage_is_a_choice() -> None:
    """Charged by default, and not where the price says so."""
    assert MODEL.rate(Decimal(0), "EUR").exact == 2
    assert Volume(MODEL.tiers, flat_at_zero=False).rate(Decimal(0), "EUR").exact == 0


def test_units_weighted_by_time_keep_the_tier_of_the_whole_quantity() -> None:
    """Twelve seats of which the time held makes six pay the second tier's price for six."""
    rated = MODEL.rate_in_tier_of(Decimal(6), Decimal(12), "EUR")

    assert rated.exact == 22
    assert [step.detail for step in rated.trace] == ["all units at tier 2, above 10 units", "once for tier 2"]
