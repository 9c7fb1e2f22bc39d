"""The compiled evaluator says what the grants say, for exactly as long as they say it, and fails as its feature chose."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.item import Feature, FeatureKind
from billing.entitlements.access import Reason
from billing.entitlements.check import unlocks
from billing.entitlements.compiled import ALLOWING, HARD, SOFT, Failure, Overflow, Terms, compile_grants, decide, unread
from billing.entitlements.grant import OVERRIDE, Grant, effective
from billing.kernel.errors import InvalidError
from tests.billing.entitlements.strategies import HOUR, NOW, grant, grants, limits

LIMIT = Feature(key="deliveries", name="Deliveries", kind=FeatureKind.LIMIT, meter_key="deliveries")
GRACE = Terms(overflow=Overflow.GRACE, grace=Decimal(3))

quantities = st.decimals(0, 2000, allow_nan=False, places=3)
any_grants = grants(limits) | grants(st.booleans())


def _by_hand(value: bool | int | None, *, starts: int = -1, ends: int | None = None) -> Grant:  # noqa: FBT001 (a right's value)
    made = grant(value, name="gra_0", source=OVERRIDE, starts=starts, ends=ends)
    return replace(made, source_kind=OVERRIDE, subscription_id="")


@given(any_grants, quantities, quantities, quantities)
def test_compiled_once_is_decided_each_time(held: list[Grant], used: Decimal, asked: Decimal, aside: Decimal) -> None:
    """Compiling first changes no answer."""
    rule = compile_grants("ann", "deliveries", held, NOW)

    found = rule.answer(used=used, quantity=asked, now=NOW, held=aside)

    right = effective(held, NOW)
    assert found == decide(
        LIMIT,
        right,
        customer="ann",
        has_subscription=any(each.in_force(NOW) for each in held),
        used=used,
        quantity=asked,
        resets_at=rule.period.end if rule.period else None,
        now=NOW,
        held=aside,
    )
    assert found.allowed == (found.reason in ALLOWING)


@given(any_grants, st.integers(0, 240), quantities)
def test_it_holds_until_the_instant_it_says(held: list[Grant], minutes: int, used: Decimal) -> None:
    """Before `valid_until` compiling anew gives the same answer, and at most a grant's start or end lies there."""
    rule = compile_grants("ann", "deliveries", held, NOW)
    later = NOW + timedelta(minutes=minutes)
    if rule.valid_until is not None and later >= rule.valid_until:
        return

    anew = compile_grants("ann", "deliveries", held, later)

    asked = Decimal(1)
    assert rule.answer(used=used, quantity=asked, now=later) == anew.answer(used=used, quantity=asked, now=later)


@given(st.integers(0, 100), quantities, quantities)
def test_the_three_ways_over_a_limit(limit: int, used: Decimal, asked: Decimal) -> None:
    """Within the limit all agree; beyond it hard refuses, soft allows and says so, grace allows its units and no more."""
    held, total = [grant(limit)], used + asked
    found = {
        terms: compile_grants("ann", "deliveries", held, NOW, terms=terms).verdict(used, asked)
        for terms in (HARD, SOFT, GRACE)
    }

    if total <= limit:
        assert set(found.values()) == {Reason.WITHIN_LIMIT}
        return
    grace = Reason.IN_GRACE if total <= limit + 3 else Reason.LIMIT_REACHED
    assert found == {HARD: Reason.LIMIT_REACHED, SOFT: Reason.OVER_LIMIT, GRACE: grace}


@given(any_grants, st.booleans() | limits)
def test_an_override_stands_in_place_of_everything(held: list[Grant], value: bool | int | None) -> None:  # noqa: FBT001 (a right's value)
    """Whatever was bought, the value set by hand is the value, in the period of what it replaces."""
    bought = effective(held, NOW)

    right = effective([*held, _by_hand(value)], NOW)

    assert right is not None
    assert right.is_override
    assert (right.value, type(right.value)) == (value, type(value))
    if bought is not None:
        assert right.grants[0].cadence == bought.grants[0].cadence
    assert effective([*held, _by_hand(value, ends=0)], NOW) == bought


def test_an_override_alone_is_no_subscription() -> None:
    """A feature switched off for somebody who bought nothing is refused for that, and nothing to buy changes it."""
    rule = compile_grants("ann", "deliveries", [_by_hand(value=False)], NOW)

    assert rule.verdict(Decimal(0), Decimal(1)) is Reason.NO_SUBSCRIPTION
    assert unlocks(LIMIT, rule.right, [_by_hand(value=False)], []) == ()


def test_the_later_of_two_overrides_counts() -> None:
    """By when it starts."""
    right = effective([_by_hand(5, starts=-2), _by_hand(9, starts=-1)], NOW)

    assert right is not None
    assert right.value == 9


def test_a_later_grant_ends_what_is_compiled() -> None:
    """Its start is known before it counts."""
    rule = compile_grants("ann", "deliveries", [grant(5), grant(7, name="gra_2", starts=2)], NOW)

    assert rule.limit == 5
    assert rule.valid_until == NOW + 2 * HOUR


@pytest.mark.parametrize(("choice", "allowed"), [(Failure.OPEN, True), (Failure.CLOSED, False)])
def test_a_limit_whose_usage_cannot_be_read_fails_as_chosen(choice: Failure, allowed: bool) -> None:  # noqa: FBT001 (a case)
    """A limit needs its usage; a feature that is had or not is answered as ever."""
    terms = Terms(on_failure=choice)
    limit = compile_grants("ann", "deliveries", [grant(5)], NOW, terms=terms).unreadable(NOW)
    switch = compile_grants("ann", "deliveries", [grant(value=True)], NOW, terms=terms).unreadable(NOW)

    assert limit == unread("ann", "deliveries", choice, NOW)
    assert limit.allowed is allowed
    assert (switch.allowed, switch.reason) == (True, Reason.GRANTED)


def test_terms_make_sense() -> None:
    """Grace is not negative, and belongs to a limit that ends in it."""
    with pytest.raises(InvalidError):
        Terms(overflow=Overflow.GRACE, grace=Decimal(-1))
    with pytest.raises(InvalidError):
        Terms(grace=Decimal(1))
