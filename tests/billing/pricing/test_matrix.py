"""Matrix prices: each combination of property values at its own price, the rest at the default."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing.charge import Usage, UsageError
from billing.pricing.matrix import Cell, Matrix
from billing.pricing.per_unit import PerUnit
from tests.billing.pricing.strategies import PRICES, QUANTITIES

MODEL = Matrix(
    ("region", "size"),
    (Cell(("eu", "large"), Decimal(4)), Cell(("eu", "small"), Decimal(2))),
    default=Decimal(3),
)
COMBINATIONS: st.SearchStrategy[tuple[str, ...]] = st.tuples(
    st.sampled_from(["eu", "us"]), st.sampled_from(["small", "large"])
)


def _usage(groups: dict[tuple[str, ...], Decimal]) -> Usage:
    return Usage(sum(groups.values(), Decimal(0)), groups=groups)


@given(st.dictionaries(COMBINATIONS, QUANTITIES), COMBINATIONS, QUANTITIES)
def test_more_usage_in_any_group_never_costs_less(
    groups: dict[tuple[str, ...], Decimal], more_of: tuple[str, ...], more: Decimal
) -> None:
    """Cost is monotone in each quantity."""
    grown = {**groups, more_of: groups.get(more_of, Decimal(0)) + more}

    assert MODEL.rate_usage(_usage(groups), "EUR").exact <= MODEL.rate_usage(_usage(grown), "EUR").exact


@given(st.dictionaries(COMBINATIONS, QUANTITIES, min_size=1), PRICES)
def test_equal_prices_cost_what_one_unit_price_does(groups: dict[tuple[str, ...], Decimal], price: Decimal) -> None:
    """A table of one number is no table."""
    model = Matrix(("region", "size"), (Cell(("eu", "large"), price),), price)
    usage = _usage(groups)

    assert model.rate_usage(usage, "EUR").exact == PerUnit(price).rate(usage.quantity, "EUR").exact


def test_the_order_of_the_groups_plays_no_part() -> None:
    """The explanation is in the order of the values."""
    groups: dict[tuple[str, ...], Decimal] = {("us", "small"): Decimal(1), ("eu", "large"): Decimal(2)}
    usage, other = _usage(groups), _usage(dict(reversed(groups.items())))

    assert MODEL.rate_usage(usage, "EUR") == MODEL.rate_usage(other, "EUR")
    assert [step.detail for step in MODEL.rate_usage(usage, "EUR").trace] == [
        "region eu, size large",
        "region us, size small: the default price",
    ]


def test_a_quantity_below_zero_bills_zero_units() -> None:
    """It does not make another group cheaper."""
    usage = _usage({("eu", "small"): Decimal(-5), ("eu", "large"): Decimal(10)})

    assert MODEL.rate_usage(usage, "EUR").exact == 40


def test_usage_whose_properties_are_not_known_is_refused() -> None:
    """Money fails closed, except that nothing costs nothing."""
    assert MODEL.rate(Decimal(0), "EUR").exact == 0
    with pytest.raises(UsageError, match="property values"):
        MODEL.rate(Decimal(1), "EUR")
    with pytest.raises(UsageError, match="one value for each dimension"):
        MODEL.rate_usage(_usage({("eu",): Decimal(1)}), "EUR")
