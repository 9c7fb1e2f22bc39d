"""Lines on their way to an invoice: cuts never go below zero, shares lose nothing, and the trace stays the amount."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.pricing.item import EVERYTHING, Cut, CutError, Item, Scope, net_of, spread
from tests.billing.pricing.invoice_strategies import EXACTS, SCOPES, cents, euros, item, items


def _cut(minor: int) -> Cut:
    return Cut(rule="discount", key="WELCOME", detail="10 % off", amount=euros(minor))


@given(items(EXACTS), SCOPES, st.fractions(min_value=0, max_value=1))
def test_a_spread_cut_loses_nothing_and_makes_no_line_negative(lines: list[Item], scope: Scope, part: Fraction) -> None:
    """Lines in scope give exactly the cut, each at most what it had, and the others give nothing."""
    there = net_of(filter(scope.covers, lines), "EUR")
    cut = _cut(there.prorate(part).amount_minor)

    after = spread(lines, scope, cut)

    assert net_of(after, "EUR") == net_of(lines, "EUR") - cut.amount
    assert all(0 <= now.net.amount_minor <= then.net.amount_minor for now, then in zip(after, lines, strict=True))
    assert all(now == then for now, then in zip(after, lines, strict=True) if not scope.covers(then))


@given(EXACTS, st.lists(st.integers(min_value=0, max_value=500), max_size=4))
def test_the_trace_of_a_net_line_adds_up_to_its_amount_exactly(exact: Fraction, sizes: list[int]) -> None:
    """Rating steps, the one rounding and every cut sum to the net, with no half cent between."""
    net = item("fee", exact)
    assume(sum(sizes) <= net.net.amount_minor)
    for size in sizes:
        net = net.less(_cut(size))

    line = net.net_line()

    assert line.amount == net.net
    if any(sizes):
        assert sum((step.amount for step in line.trace), Fraction(0)) == Fraction(line.amount.to_decimal())


def test_a_net_line_tells_its_rounding_and_its_cut() -> None:
    """A third of ten euros, rounded to 3.33, with one euro off."""
    line = item("fee", Fraction(10, 3)).less(_cut(100)).net_line()

    assert [(step.rule, step.amount) for step in line.trace] == [
        ("fee", Fraction(10, 3)),
        ("rounding", Fraction(-1, 300)),
        ("discount", Fraction(-1)),
    ]
    assert line.amount.to_decimal() == Decimal("2.33")


def test_a_cut_beyond_the_line_or_below_zero_is_refused() -> None:
    """Neither can a line pay more than it has, nor a cut add to it."""
    for minor in (101, -1):
        with pytest.raises(CutError):
            cents("fee", 100).less(_cut(minor))


def test_a_cut_without_a_line_above_zero_is_refused() -> None:
    """A credit alone cannot be discounted."""
    with pytest.raises(CutError):
        spread([cents("fee", -100)], EVERYTHING, _cut(1))


def test_a_scope_asks_for_the_plan_and_the_charge() -> None:
    """An empty set means every one, a line without a plan belongs to none."""
    api = replace(cents("api", 100), plan="plus")

    assert EVERYTHING.covers(api)
    assert Scope(frozenset({"plus"}), frozenset({"api"})).covers(api)
    assert not Scope(frozenset({"basic"})).covers(api)
    assert not Scope(charges=frozenset({"fee"})).covers(api)
    assert not Scope(frozenset({"plus"})).covers(cents("api", 100))
