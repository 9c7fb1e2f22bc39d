"""Commitments: the least and the most a period costs, kept to the cent, also where a period is billed in parts."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.pricing.commitment import CommitmentError, SpendLimits, cap, true_up, with_commitment
from billing.pricing.item import Item, Scope, net_of
from billing.pricing.per_unit import PerUnit
from tests.billing.pricing.invoice_strategies import EXACTS, cents, euros, items, limits

NOTHING = Money.zero("EUR")


def _limits(
    minimum: int | None = None, maximum: int | None = None, *, already: int = 0, share: Fraction = Fraction(1)
) -> SpendLimits:
    return SpendLimits(
        key="committed",
        currency="EUR",
        minimum=None if minimum is None else euros(minimum),
        maximum=None if maximum is None else euros(maximum),
        already_billed=euros(already),
        share=share,
    )


@given(items(EXACTS), limits())
def test_limits_hold_for_the_lines_in_scope(lines: list[Item], kept: SpendLimits) -> None:
    """After the cap no more than the maximum was billed, after the true-up no less than the minimum, and never a credit."""
    capped = cap(lines, kept)
    added = true_up(capped, kept)

    spent = kept.spent(capped) + kept.billed_before
    assert kept.maximum is None or spent <= max(kept.maximum.prorate(kept.share), kept.billed_before)
    if kept.minimum is not None:
        least = kept.minimum.prorate(kept.share)
        assert spent + (added.net if added else NOTHING) == max(spent, least)
    assert added is None or added.net > NOTHING
    assert all(NOTHING <= after.net <= before.net for after, before in zip(capped, lines, strict=True))


@given(items(EXACTS), limits())
def test_a_true_up_adds_up_and_is_never_needed_twice(lines: list[Item], kept: SpendLimits) -> None:
    """Its steps round to its amount, and with the line there nothing is missing any more."""
    capped = cap(lines, kept)
    added = true_up(capped, kept)

    assert cap(capped, kept) == capped
    if added is not None:
        assert added.line.amount == Money.round(sum((s.amount for s in added.line.trace), Fraction(0)), "EUR")
        if not kept.scope.charges and not kept.scope.plans:
            assert true_up([*capped, added], kept) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_period_in_two_parts_pays_its_minimum_once(least: int, first: int, second: int) -> None:
    """The last invoice counts what the first one billed."""
    added = true_up([cents("usage", second)], _limits(least, already=first))

    missing = added.net.amount_minor if added else 0
    assert first + second + missing == max(least, first + second)


@given(
    used=st.decimals(0, 10**6, places=4),
    committed=st.decimals(0, 10**6, places=2),
    factor=st.decimals(0, 5, places=2),
    must_pay=st.booleans(),
)
def test_a_commitment_is_paid_and_what_is_beyond_costs_its_factor(
    used: Decimal, committed: Decimal, factor: Decimal, *, must_pay: bool
) -> None:
    """The amount is the promised part at least where it must be paid, and the part above times the factor."""
    rated = with_commitment(PerUnit(Decimal(1)).rate(used, "EUR"), committed, overage=factor, must_pay=must_pay)

    beyond = max(Fraction(used) - Fraction(committed), Fraction(0))
    within = Fraction(committed) if must_pay else Fraction(min(used, committed))
    assert rated.exact == within + beyond * Fraction(factor)


def test_a_limit_counts_only_its_own_charges() -> None:
    """The fee does not help the minimum of the API charge."""
    kept = SpendLimits(key="api_min", currency="EUR", minimum=euros(1000), scope=Scope(charges=frozenset({"api"})))

    added = true_up([cents("api", 300), cents("fee", 5000)], kept)

    assert added is not None
    assert added.net == euros(700)


def test_a_true_up_explains_itself() -> None:
    """25 of 28 days of a minimum of 10, with 8 billed."""
    added = true_up([cents("usage", 800)], _limits(1000, share=Fraction(25, 28)))

    assert added is not None
    assert [step.rule for step in added.line.trace] == ["minimum", "share", "billed"]
    assert added.net == euros(93)


def test_a_maximum_is_taken_off_the_lines_in_proportion() -> None:
    """100 left of 300, shared 2 to 1."""
    capped = cap([cents("api", 20000), cents("fee", 10000)], _limits(maximum=10000))

    assert [item.net.amount_minor for item in capped] == [6667, 3333]
    assert net_of(capped, "EUR") == euros(10000)
    assert cap([cents("api", 10**9)], _limits(5))[0].cuts == ()


def test_limits_that_contradict_each_other_are_refused() -> None:
    """A minimum above the maximum, no share, another currency, below zero."""
    for minimum, maximum, share in ((2, 1, Fraction(1)), (1, 2, Fraction(0)), (-1, None, Fraction(1))):
        with pytest.raises(CommitmentError):
            _limits(minimum, maximum, share=share)
    with pytest.raises(CommitmentError):
        SpendLimits(key="k", currency="USD", minimum=euros(1))
    with pytest.raises(CommitmentError):
        with_commitment(PerUnit(Decimal(1)).rate(Decimal(1), "EUR"), Decimal(-1))
