"""Graduated percentage: each part of an amount at its own rate."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given

from billing.pricing.graduated import Graduated
from billing.pricing.graduated_percentage import GraduatedPercentage, RateTier
from billing.pricing.tiers import Tier
from tests.billing.pricing.strategies import QUANTITIES
from tests.billing.pricing.strategies_models import GRADUATED_PERCENTAGES

TIERS = (RateTier(Decimal(1000), Decimal(1), Decimal(200)), RateTier(None, Decimal(2), Decimal(300)))


@given(GRADUATED_PERCENTAGES, QUANTITIES)
def test_a_rate_is_a_graduated_price_a_hundredth_of_it(model: GraduatedPercentage, amount: Decimal) -> None:
    """Both models agree on a hundred times the price, flat amounts included."""
    tiers = tuple(Tier(tier.up_to, tier.rate_percent, tier.flat * 100) for tier in model.tiers)

    assert model.rate(amount, "EUR").exact * 100 == Graduated(tiers, model.flat_at_zero).rate(amount, "EUR").exact


def test_where_nothing_was_turned_over_no_tier_is_entered() -> None:
    """The flat amount comes with the first cent, unless it is charged at zero as well."""
    assert GraduatedPercentage(TIERS).rate(Decimal(0), "EUR").exact == 0
    assert GraduatedPercentage(TIERS, flat_at_zero=True).rate(Decimal(0), "EUR").exact == 200
    assert GraduatedPercentage(TIERS).rate(Decimal("0.01"), "EUR").exact == Fraction("200.0001")


def test_the_trace_says_which_rate_of_which_part() -> None:
    """1,050 pays 1 % of the first thousand and 2 % of the last fifty."""
    documents = [step.to_document() for step in GraduatedPercentage(TIERS).rate(Decimal(1050), "USD").trace]

    assert documents == [
        {"rule": "tier", "detail": "1 % in tier 1, above 0 up to 1000 USD", "amount": "10", "quantity": "1000"},
        {"rule": "tier_flat", "detail": "once for entering tier 1", "amount": "200"},
        {"rule": "tier", "detail": "2 % in tier 2, above 1000 USD", "amount": "1", "quantity": "50"},
        {"rule": "tier_flat", "detail": "once for entering tier 2", "amount": "300"},
    ]
