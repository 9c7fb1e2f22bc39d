"""Bundle prices: parts add up, floors hold, nothing is below zero."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.pricing.bundle import BundlePriceError, DiscountPolicy, Part, price_bundle

_BPS = st.integers(0, 9_999)
_PART = st.tuples(st.integers(0, 100_000), st.none() | st.integers(0, 100_000))


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(_PART, min_size=1, max_size=6), discount=_BPS, floor=_BPS, blind=_BPS)
def test_parts_add_up_and_the_floor_holds(
    parts: list[tuple[int, int | None]], discount: int, floor: int, blind: int
) -> None:
    """For any prices, costs and policy: exact sums, no part above its list price or below zero, no margin given away below the floor."""
    policy = DiscountPolicy(discount_bps=discount, margin_floor_bps=floor, blind_discount_bps=blind)
    offered = [
        Part(str(at), Money(price, "EUR"), None if cost is None else Money(cost, "EUR"))
        for at, (price, cost) in enumerate(parts)
    ]
    priced = price_bundle(offered, policy)
    total, listed = priced.total.amount_minor, priced.list_total.amount_minor

    assert sum(part.price.amount_minor for part in priced.parts) == total == listed - priced.discount.amount_minor
    assert all(0 <= part.price.amount_minor <= part.list_price.amount_minor for part in priced.parts)
    assert priced.discount.amount_minor * 10_000 <= listed * discount
    if any(cost is None for _, cost in parts):
        assert priced.discount.amount_minor * 10_000 <= listed * blind
    elif priced.discount.amount_minor:
        cost_minor = sum(cost for _, cost in parts if cost is not None)
        assert (total - cost_minor) * 10_000 >= total * floor


def test_the_discount_is_cut_at_the_floor_and_the_rule_says_so() -> None:
    """20.00 that cost 15.00: 10 % off leaves 16.7 % of margin; 20 % needs 18.75, so 1.25 is what may be given."""
    part = Part("a", Money(1000, "EUR"), Money(750, "EUR"))
    priced = price_bundle([part, part])

    assert priced.discount == Money(125, "EUR")
    assert [line.price.amount_minor for line in priced.parts] == [937, 938]
    assert priced.margin_rule == "discount cut to keep a margin of 20 %"


def test_currencies_do_not_mix() -> None:
    """Neither prices nor costs of two currencies make one bundle."""
    euro, dollar = Money(100, "EUR"), Money(100, "USD")

    with pytest.raises(Exception, match="cannot be added"):
        price_bundle([Part("a", euro), Part("b", dollar)])
    with pytest.raises(Exception, match="cannot be"):
        price_bundle([Part("a", euro, dollar)])


def test_impossible_policies_and_empty_bundles_are_refused() -> None:
    """A margin floor of the whole price can never hold."""
    with pytest.raises(BundlePriceError):
        DiscountPolicy(margin_floor_bps=10_000)
    with pytest.raises(BundlePriceError):
        price_bundle([])
