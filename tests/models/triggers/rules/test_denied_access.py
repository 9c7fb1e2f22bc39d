"""Refusals again and again: how many it takes, and how long it is silent afterwards."""

from __future__ import annotations

import pytest

from models.triggers.rules.denied_access import DeniedAccess
from tests.models.triggers.known import DAY, NOW, denied, facts

TRIGGER = DeniedAccess()


@pytest.mark.parametrize(("count", "reached_on", "fires"), [(2, None, False), (3, 20_000, True), (30, 20_000, True)])
def test_it_takes_three_refusals(count: int, reached_on: int | None, *, fires: bool) -> None:
    """One or two may be slips."""
    assert bool(list(TRIGGER.fires(facts(denials=(denied(count, reached_on),))))) is fires


def test_more_refusals_are_a_stronger_signal_that_stays_below_one() -> None:
    """Half of the way at the threshold, and never certain."""
    strengths = [next(TRIGGER.fires(facts(denials=(denied(count),)))).strength for count in (3, 6, 60)]

    assert strengths == sorted(strengths)
    assert (strengths[0], strengths[-1] < 1) == (0.5, True)


def test_it_is_silent_while_it_counts_and_the_key_is_the_day_it_was_reached() -> None:
    """A window of seven days; another feature is not silenced."""
    quiet = facts(denials=(denied(9), denied(9, feature="sso")), silent=frozenset({("denied_access", "api")}))

    (fired,) = TRIGGER.fires(quiet)

    assert (fired.subject, fired.once_key, fired.rearms_at) == ("sso", "sso:20000", NOW + 7 * DAY)
