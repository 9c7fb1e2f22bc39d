"""Moments of a subscription."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.triggers.facts import Standing
from models.triggers.rules.life_cycle import LifeCycle
from tests.models.triggers.known import DAY, NOW, facts

TRIGGER = LifeCycle()


def _trial(days_left: float) -> Standing:
    return Standing(plan="pro", trial_ends_at=NOW + days_left * DAY)


def _paid(days_left: float, period_days: int) -> Standing:
    return Standing(plan="pro", renews_at=NOW + days_left * DAY, period_days=period_days)


@pytest.mark.parametrize(
    ("days_left", "mark"), [(8.0, None), (7.0, 7), (3.5, 7), (3.0, 3), (1.0, 1), (0.01, 1), (0.0, None), (-1.0, None)]
)
def test_a_trial_fires_at_seven_three_and_one_days_before_its_end(days_left: float, mark: int | None) -> None:
    """A mark holds until the next one; after the end there is nothing."""
    keys = [fired.once_key for fired in TRIGGER.fires(facts(standing=_trial(days_left)))]

    assert [key.rpartition(":")[2] for key in keys] == ([] if mark is None else [str(mark)])


def test_the_end_of_a_trial_weighs_more_the_nearer_it_is() -> None:
    """And never more than one."""
    strengths = [next(TRIGGER.fires(facts(standing=_trial(left)))).strength for left in (7, 3, 1, 0.2)]

    assert strengths == sorted(strengths)
    assert strengths[-1] == 1


def test_only_long_periods_have_a_renewal_that_says_something() -> None:
    """A month renews every month."""
    assert not list(TRIGGER.fires(facts(standing=_paid(3, 30))))
    (fired,) = TRIGGER.fires(facts(standing=_paid(3, 365)))
    assert (fired.evidence["moment"], fired.evidence["days_left"]) == ("renewal_near", 3)
    assert not list(TRIGGER.fires(facts(standing=_paid(7.1, 365))))


def test_a_renewal_is_one_however_often_it_is_looked_at() -> None:
    """The same key all week."""
    renews = NOW + 6 * DAY
    standing = Standing(plan="pro", renews_at=renews, period_days=365)
    looks = [facts(now=NOW + timedelta(hours=hour), standing=standing) for hour in range(0, 140, 7)]

    assert len({fired.once_key for look in looks for fired in TRIGGER.fires(look)}) == 1
