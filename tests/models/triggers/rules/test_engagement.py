"""Use against one's own past."""

from __future__ import annotations

import random

import pytest

from models.triggers.facts import Activity
from models.triggers.rules.engagement import Engagement, distance_of
from tests.models.triggers.known import facts

TRIGGER = Engagement()


def _activity(week: int, *before: int, types: str = "a", types_before: str = "a") -> Activity:
    return Activity(week=week, weeks_before=before, types=frozenset(types), types_before=frozenset(types_before))


@pytest.mark.parametrize(
    ("activity", "sign"),
    [
        (_activity(60, 20, 22, 19, 21), "rising"),
        (_activity(22, 20, 22, 19, 21), None),
        (_activity(60, 10, 90, 20, 80), None),
        (_activity(60, 0, 0, 0, 5), None),
        (_activity(9, 1, 1, 1, 1), None),
        (_activity(20, 20, 20, 20, 20, types="ab"), "deeper"),
        (_activity(20, 0, 0, 0, 0, types="ab", types_before=""), None),
    ],
)
def test_what_is_a_rise_depends_on_ones_own_weeks(activity: Activity, sign: str | None) -> None:
    """Steady weeks make 60 a rise, wild ones do not; little is never much; newcomers have no past to rise above."""
    assert [fired.evidence["sign"] for fired in TRIGGER.fires(facts(activity=activity))] == ([sign] if sign else [])


def test_it_waits_four_weeks() -> None:
    """However steep the rise."""
    silent = frozenset({("engagement", None)})

    assert not list(TRIGGER.fires(facts(activity=_activity(60, 20, 22, 19, 21), silent=silent)))


def test_nobody_rises_by_chance_much_more_often_than_two_deviations_allow() -> None:
    """Twenty events a week, always: of 2,000 customers fewer than 5 % seem to rise (a normal tail would be 2.3 %)."""
    rng = random.Random(7)
    drawn = [[sum(rng.random() < 0.02 for _ in range(1000)) for _ in range(5)] for _ in range(2000)]
    distances = [distance_of(_activity(week, *before)) for week, *before in drawn]

    assert sum(distance is not None and distance >= 2 for distance in distances) < 100
