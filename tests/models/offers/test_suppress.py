"""What keeps an offer away: each reason at its edges, and the first that holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.offers.suppress import COOL_DOWN_DAYS, cool_down, suppression
from tests.models.offers.strategies import context, past

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def test_a_free_customer_is_not_suppressed() -> None:
    """Nothing in the way."""
    assert suppression(context()) is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"opted_out": True, "is_held_out": True, "current": None}, "opted_out"),
        ({"is_held_out": True, "current": None}, "holdout"),
        ({"current": None, "past": (past(1, "impression", "dismiss"),)}, "no_subscription"),
        ({"past": (past(1, "impression", "dismiss"),)}, "cooling_down"),
        ({"past": (past(1, "impression"),)}, "prompted_recently"),
    ],
)
def test_the_first_reason_that_holds_is_the_one_that_is_told(values: dict[str, object], reason: str) -> None:
    """A choice of the customer goes before the experiment, and both before habit."""
    assert suppression(context(**values)) == reason


@pytest.mark.parametrize("dismissals", [1, 2, 3, 4, 7])
def test_each_dismissal_makes_the_silence_longer_up_to_sixty_days(dismissals: int) -> None:
    """The last microsecond of the cool-down is silent, the first one after it is not."""
    length = cool_down(dismissals)
    decisions = tuple(past(number / 100, "dismiss") for number in range(dismissals))
    found = context(past=decisions)
    last = max(decision.decided_at for decision in decisions)

    assert length.days == COOL_DOWN_DAYS[min(dismissals, 4) - 1]
    assert suppression(context(now=last + length - TICK, past=found.past)) == "cooling_down"
    assert suppression(context(now=last + length, past=found.past)) is None


def test_an_impression_leaves_a_week_until_the_next_prompt() -> None:
    """Unless it was taken: who accepts is not punished for it."""
    shown = past(7, "impression")

    assert suppression(context(past=(shown,))) is None
    assert suppression(context(past=(past(7 - 0.0001, "impression"),))) == "prompted_recently"
    assert suppression(context(past=(past(1, "impression", "accept"),))) is None


def test_what_was_never_shown_is_no_prompt() -> None:
    """A decision without an impression, or with a click that came without one, does not start the week."""
    assert suppression(context(past=(past(1), past(1, "click")))) is None
