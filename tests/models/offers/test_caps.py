"""Caps: what counts, for whom, from when on, and that none is ever passed, against a count by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.offers.policy import Cap, Caps
from models.offers.caps import reached, showings
from tests.models.offers.strategies import NOW, PLACEMENTS, context, past, shown

if TYPE_CHECKING:
    from models.offers.context import Shown

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
NONE = {"person": None, "customer": None, "offer": None}
TARGETS = ("plus", "pro")
MEMBERS = (None, "kim", "lee")


@st.composite
def histories(draw: st.DrawFn) -> tuple[Shown, ...]:
    """Up to eight showings in the last ten days, on edges too."""
    days = draw(st.lists(st.sampled_from((0.0, 0.5, 1.0, 3.0, 7.0, 9.0)), max_size=8))
    return tuple(
        shown(
            each,
            draw(st.sampled_from(TARGETS)),
            decision=f"dec_{number}",
            placement=draw(st.sampled_from(PLACEMENTS)),
            member=draw(st.sampled_from(MEMBERS)),
        )
        for number, each in enumerate(days)
    )


@given(histories(), st.sampled_from(TARGETS), st.sampled_from(PLACEMENTS), st.sampled_from(MEMBERS), st.integers(0, 3))
def test_a_cap_is_reached_when_its_own_count_is(
    history: tuple[Shown, ...], target: str, placement: str, member: str | None, most: int
) -> None:
    """Each kind alone against a plain count of the last seven days; who is not named may be anybody."""
    late = [each for each in history if each.at > NOW - 7 * DAY]
    counts = {
        "offer": sum(each.target == target for each in late),
        "placement": sum(each.placement == placement for each in late),
        "person": sum(member is None or each.member in {None, member} for each in late),
        "customer": len(late),
    }
    for kind, count in counts.items():
        caps = Caps(**{**NONE, kind: Cap(most=most)})
        found = reached(caps, history, target=target, placement=placement, member=member, now=NOW)
        assert found == (f"cap_{kind}" if count >= most else None)


@pytest.mark.parametrize(("tenant_shown", "code"), [(8, None), (9, "cap_tenant"), (10, "cap_tenant")])
def test_the_tenants_cap_counts_everybody(tenant_shown: int, code: str | None) -> None:
    """The caller counts, within the cap's own window."""
    caps = Caps(**NONE, tenant=Cap(most=9))

    assert (
        reached(caps, (), target="plus", placement="account", member=None, now=NOW, tenant_shown=tenant_shown) == code
    )


def test_a_showing_leaves_the_window_after_exactly_its_length() -> None:
    """Half-open: in any seven days there is at most one."""
    seen = (shown(7),)
    caps = Caps(person=Cap(most=1))

    assert reached(caps, seen, target="pro", placement="x", member=None, now=NOW) is None
    assert reached(caps, seen, target="pro", placement="x", member=None, now=NOW - TICK) == "cap_person"


def test_what_counts_is_what_was_seen_reserved_or_would_have_been() -> None:
    """A decision of which nothing was seen does not; one that is known both ways counts once."""
    seen = past(1, "impression")
    missed = past(2, is_counterfactual=True)
    found = context(past=(seen, missed, past(3), past(4, "click")), shown=(shown(1, decision=seen.id), shown(5)))

    assert sorted(each.decision for each in showings(found)) == sorted({seen.id, missed.id, shown(5).decision})
