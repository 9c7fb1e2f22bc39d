"""The policy of offers: what may be set, how it reads and writes, and what is refused with the field's name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.offers.document import read_policy, write_policy
from features.offers.policy import Cap, OfferPolicy, PolicyError, QuietHours, is_quiet
from tests.features.offers.strategies import MINUTES, policies


@given(policies())
def test_a_policy_survives_being_written_and_read(policy: OfferPolicy) -> None:
    """Through JSON text and back, to the letter."""
    assert read_policy(json.loads(json.dumps(write_policy(policy)))) == policy


def test_what_is_not_said_is_careful() -> None:
    """One prompt a person and three a customer in a week, none in the first three days, thresholds 80, 95 and 100."""
    policy = read_policy({})

    assert policy == OfferPolicy()
    assert (policy.caps.person, policy.caps.customer) == (Cap(most=1), Cap(most=3))
    assert (policy.first_days, policy.limit_thresholds) == (3, (80, 95, 100))
    assert read_policy({"caps": {"person": None}}).caps.customer == Cap(most=3)


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ([], "policy"),
        ({"cap": {}}, "'cap'"),
        ({"caps": {"persons": None}}, "'persons'"),
        ({"caps": {"person": {}}}, "caps.person"),
        ({"caps": {"person": {"most": 1.0}}}, "caps.person.most"),
        ({"caps": {"person": {"most": True}}}, "caps.person.most"),
        ({"caps": {"person": {"most": -1}}}, "cap"),
        ({"caps": {"person": {"most": 1, "window_hours": 0}}}, "window"),
        ({"caps": {"person": {"most": 1, "window_hours": 10**30}}}, "window_hours"),
        ({"quiet_hours": {"start": "21:00"}}, "quiet_hours.end"),
        ({"quiet_hours": {"start": "25:00", "end": "08:00"}}, "quiet_hours.start"),
        ({"quiet_hours": {"start": "21+01", "end": "08:00"}}, "quiet_hours.start"),
        ({"first_days": 366}, "first days"),
        ({"first_days": "3"}, "first_days"),
        ({"killed": "limit_near"}, "killed"),
        ({"killed": [""]}, "killed"),
        ({"killed": ["a\x00"]}, "killed"),
        ({"killed": [f"rule{n}" for n in range(501)]}, "500"),
        ({"consent": None}, "consent"),
        ({"holdout_per_ten_thousand": 10_001}, "holdout"),
        ({"holdout_salt": ""}, "salt"),
        ({"annoyance_minor": -1}, "prompt"),
        ({"margin_bps": 10_001}, "margin"),
        ({"explore": 1.1}, "explore"),
        ({"explore": True}, "explore"),
        ({"explore": float("nan")}, "explore"),
        ({"limit_thresholds": []}, "thresholds"),
        ({"limit_thresholds": [95, 80]}, "thresholds"),
        ({"limit_thresholds": [80, 101]}, "thresholds"),
    ],
)
def test_what_cannot_be_kept_to_is_refused_by_name(document: Any, names: str) -> None:
    """The sentence says which field and what it may be."""
    with pytest.raises(PolicyError) as refused:
        read_policy(document)

    assert names in refused.value.detail


@given(MINUTES, MINUTES, MINUTES)
def test_quiet_hours_and_the_hours_between_them_make_a_day(start: time, end: time, now: time) -> None:
    """Every minute lies in exactly one of the two, unless both ends are one."""
    night, day = QuietHours(start=start, end=end), QuietHours(start=end, end=start)

    assert (night.holds(now) != day.holds(now)) or start == end
    assert not (start == end and night.holds(now))


def test_quiet_is_by_the_customers_own_clock() -> None:
    """Seven in the morning in New York is noon in London; a change of the clocks is followed."""
    night = QuietHours(start=time(21), end=time(8))

    assert is_quiet(datetime(2026, 3, 1, 12, tzinfo=UTC), "America/New_York", night)
    assert not is_quiet(datetime(2026, 3, 1, 13, tzinfo=UTC), "America/New_York", night)
    assert not is_quiet(datetime(2026, 3, 9, 12, tzinfo=UTC), "America/New_York", night)
    assert not is_quiet(datetime(2026, 3, 1, 23, tzinfo=UTC), "UTC", None)


@given(st.sampled_from(("limit_near", "plus", "account", "other")), st.sets(st.sampled_from(("limit_near", "*", "x"))))
def test_a_switch_stops_what_it_names_and_a_star_stops_all(name: str, killed: set[str]) -> None:
    """A rule, a target or a placement by its name; nothing else."""
    policy = OfferPolicy(killed=frozenset(killed))

    assert policy.stops(name, None) == ("*" in killed or name in killed)


def test_a_window_is_at_most_a_year() -> None:
    """Longer than what is remembered could not be counted."""
    with pytest.raises(PolicyError):
        Cap(most=1, window=timedelta(days=367))
