"""Dynamic prices: the events' own, in euros or cents, times a multiplier."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.pricing.charge import Usage
from billing.pricing.dynamic import Dynamic, PriceUnit
from tests.billing.pricing.strategies_models import AMOUNTS, DYNAMICS


@given(DYNAMICS, st.lists(AMOUNTS, min_size=1, max_size=8))
def test_the_events_and_their_sum_have_the_same_price(model: Dynamic, values: list[Decimal]) -> None:
    """A meter that adds up prices is enough."""
    total = sum(values, Decimal(0))

    assert model.rate_usage(Usage(total, tuple(values)), "EUR").exact == model.rate(total, "EUR").exact


def test_minor_units_are_those_of_the_currency() -> None:
    """A hundred cents, a yen, a thousand fils."""
    model = Dynamic(price_unit=PriceUnit.MINOR)

    assert [model.rate(Decimal(500), code).exact for code in ("EUR", "JPY", "KWD")] == [5, 500, Fraction(1, 2)]


def test_credits_among_the_events_are_netted_down_to_zero() -> None:
    """An event may take back a part; the bill never goes below zero."""
    values = (Decimal(5), Decimal(-2))

    assert Dynamic().rate_usage(Usage(Decimal(3), values), "EUR").exact == 3
    assert Dynamic().rate_usage(Usage(Decimal(-7), (*values, Decimal(-10))), "EUR").exact == 0


def test_the_trace_shows_the_sum_and_what_the_multiplier_adds() -> None:
    """Two events of 5 with a fifth on top."""
    rated = Dynamic(Decimal("1.2")).rate_usage(Usage(Decimal(10), (Decimal(5), Decimal(5))), "EUR")

    assert [step.to_document() for step in rated.trace] == [
        {"rule": "dynamic", "detail": "the own prices of 2 events", "amount": "10", "quantity": "10"},
        {"rule": "multiplier", "detail": "times 1.2", "amount": "2"},
    ]
