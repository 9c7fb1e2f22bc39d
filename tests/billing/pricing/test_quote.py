"""The priced line: rounded once, explained, and the same value for preview, offer and invoice."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money, MoneyError, Rounding
from billing.kernel.period import Period
from billing.pricing.charge import Charge, ChargeModel, Timing, Usage
from billing.pricing.flat import Flat
from billing.pricing.per_unit import PerUnit
from billing.pricing.quote import priced, quote_document, total
from tests.billing.pricing.strategies import MODELS, QUANTITIES

JUNE = Period(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))


def _charge(model: ChargeModel, key: str = "fee") -> Charge:
    return Charge(key=key, name="Team plan", model=model, meter=None, timing=Timing.ADVANCE)


@given(MODELS, QUANTITIES, st.fractions(min_value=0, max_value=1, max_denominator=366))
def test_a_share_of_a_fee_is_taken_before_the_one_rounding(
    model: ChargeModel, quantity: Decimal, share: Fraction
) -> None:
    """The line is the exact amount times the share, rounded once, and its steps add up to that."""
    line = priced(_charge(model), quantity, "EUR", share=share)

    exact = model.rate(quantity, "EUR").exact * share
    assert line.amount == Money.round(exact, "EUR")
    assert sum((step.amount for step in line.trace), Fraction(0)) == exact


def test_a_line_in_json_has_money_and_decimals_as_strings() -> None:
    """What the preview, the offer and the invoice show of one charge."""
    line = priced(_charge(PerUnit(Decimal("1.5")), "seats"), Decimal(3), "EUR", period=JUNE)

    assert line.to_document() == {
        "key": "seats",
        "description": "Team plan",
        "quantity": "3",
        "unit_price": "1.50",
        "amount": {"amount": "4.50", "currency": "EUR"},
        "period": {"start": "2025-06-01T00:00:00Z", "end": "2025-07-01T00:00:00Z"},
        "trace": [
            {
                "rule": "unit_price",
                "detail": "the same price for every unit",
                "amount": "4.5",
                "quantity": "3",
                "unit_price": "1.5",
            }
        ],
    }


def test_a_total_is_the_sum_of_rounded_lines() -> None:
    """Two halves of a cent round up each; nothing is rounded a second time."""
    line = priced(_charge(PerUnit(Decimal("0.005"))), Decimal(1), "EUR")

    assert total([line, line], "EUR") == Money(2, "EUR")
    assert quote_document([line, line], "EUR")["total"] == {"amount": "0.02", "currency": "EUR"}
    assert total([], "JPY") == Money.zero("JPY")


def test_a_line_in_another_currency_has_no_place_in_a_total() -> None:
    """Mixing currencies is an error, not a number."""
    with pytest.raises(MoneyError):
        total([priced(_charge(Flat(Decimal(1))), Decimal(1), "USD")], "EUR")


def test_the_rounding_policy_can_match_an_old_ledger() -> None:
    """Half-even on request, half away from zero otherwise."""
    charge = _charge(Flat(Decimal("0.125")))

    assert priced(charge, Decimal(1), "EUR").amount == Money(13, "EUR")
    assert priced(charge, Decimal(1), "EUR", rounding=Rounding.HALF_EVEN).amount == Money(12, "EUR")


def test_usage_with_its_events_prices_as_its_quantity() -> None:
    """Models of quantities take the richer value as well."""
    charge = _charge(PerUnit(Decimal(2)))

    assert priced(charge, Usage(Decimal(3), (Decimal(1), Decimal(2))), "EUR") == priced(charge, Decimal(3), "EUR")
