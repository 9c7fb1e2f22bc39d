"""What a customer may use is the fold of the grants in force: limits add up, no limit lifts, features are had when any says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from billing.entitlements.grant import effective
from tests.billing.entitlements.strategies import HOUR, NOW, grant, grants, limits

if TYPE_CHECKING:
    from billing.entitlements.grant import Grant


def _current(held: list[Grant]) -> list[Grant]:
    return [each for each in held if each.starts_at <= NOW and (each.ends_at is None or each.ends_at > NOW)]


@given(grants(limits))
def test_limits_add_up_and_one_without_a_limit_lifts_it(held: list[Grant]) -> None:
    """Only what is in force counts; with nothing in force there is no right."""
    right = effective(held, NOW)

    values = [each.value for each in _current(held)]
    if not values:
        assert right is None
        return
    assert right is not None
    assert right.value == (None if None in values else sum(value for value in values if value is not None))
    assert {each.id for each in right.grants} == {each.id for each in _current(held)}


@given(grants(st.booleans()))
def test_a_feature_is_had_when_any_grant_says_so(held: list[Grant]) -> None:
    """A grant that denies it takes nothing away."""
    right = effective(held, NOW)

    assert (right is not None and right.value is True) == any(each.value for each in _current(held))


@given(grants(limits) | grants(st.booleans()), st.randoms(use_true_random=False))
def test_the_order_of_grants_changes_nothing(held: list[Grant], random: Any) -> None:
    """The same right, from the same grants in the same order."""
    shuffled = list(held)
    random.shuffle(shuffled)

    assert effective(shuffled, NOW) == effective(held, NOW)


@given(grants(limits), limits)
def test_one_more_grant_never_takes_away(held: list[Grant], value: int | None) -> None:
    """The limit grows by the grant's, or is lifted."""
    before = effective(held, NOW)
    after = effective([*held, grant(value, name="gra_more")], NOW)

    assert after is not None
    if before is None:
        assert after.value == value
    elif before.value is None or value is None:
        assert after.value is None
    else:
        assert after.value == before.value + value


def test_a_grant_counts_from_its_start_until_just_before_its_end() -> None:
    """Half-open, so that one that ends and one that starts at an instant never count both."""
    first = replace(grant(3, name="gra_1"), starts_at=NOW - HOUR, ends_at=NOW)
    second = replace(grant(5, name="gra_2"), starts_at=NOW, ends_at=NOW + HOUR)
    before, after = effective([first, second], NOW - HOUR / 60), effective([first, second], NOW)

    assert before is not None
    assert after is not None
    assert (before.value, after.value) == (3, 5)
    assert effective([first, second], NOW + HOUR) is None
