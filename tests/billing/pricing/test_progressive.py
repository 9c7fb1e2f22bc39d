"""Progressive billing: the parts of a period add up to one invoice's amount, to the cent."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing.charge import Charge, ChargeModel, Timing
from billing.pricing.per_unit import PerUnit
from billing.pricing.progressive import ProgressiveError, crossed, running_line
from billing.pricing.quote import PricedLine, priced, total
from billing.pricing.registry import parse_model
from tests.billing.pricing.invoice_strategies import euros
from tests.billing.pricing.strategies import QUANTITIES, tiers

SPLITTING = st.one_of(
    st.builds(PerUnit, st.decimals(0, 100, places=12)),
    tiers().map(lambda found: parse_model({"model": "graduated", "tiers": [tier.to_document() for tier in found]})),
)


def _charge(model: ChargeModel) -> Charge:
    return Charge(key="api", name="Calls", model=model, meter="api", timing=Timing.ARREARS)


@given(SPLITTING, st.lists(QUANTITIES, min_size=1, max_size=6))
def test_any_split_of_a_period_adds_up_to_one_invoice(model: ChargeModel, parts: list[Decimal]) -> None:
    """To the cent, each part with a trace that adds up to it, and none below zero."""
    charge, used = _charge(model), Decimal(0)
    lines: list[PricedLine] = []
    for part in parts:
        used += part
        lines.append(running_line(charge, used, total(lines, "EUR")))

    assert total(lines, "EUR") == priced(charge, used, "EUR").amount
    for line in lines:
        assert line.amount >= euros(0)
        if any(step.rule == "billed_before" for step in line.trace):
            assert sum((step.amount for step in line.trace), Fraction(0)) == Fraction(line.amount.to_decimal())


def test_a_correction_under_what_was_billed_gives_it_back() -> None:
    """Ten calls were billed, one of them is withdrawn."""
    line = running_line(_charge(PerUnit(Decimal("0.50"))), Decimal(9), euros(500))

    assert line.amount == euros(-50)


def test_a_price_chosen_by_the_whole_usage_is_not_billed_in_parts() -> None:
    """Volume prices would bill the same units at two prices."""
    volume = parse_model({"model": "volume", "tiers": [{"up_to": None, "unit_price": "1"}]})

    with pytest.raises(ProgressiveError):
        running_line(_charge(volume), Decimal(9), euros(0))


def test_a_threshold_is_crossed_once() -> None:
    """By the usage that reaches it, and not by what comes after; of several the highest counts."""
    marks = [euros(100), euros(200)]

    assert crossed(marks, euros(99), euros(100)) == euros(100)
    assert crossed(marks, euros(100), euros(150)) is None
    assert crossed(marks, euros(0), euros(500)) == euros(200)
    assert crossed([], euros(0), euros(500)) is None
