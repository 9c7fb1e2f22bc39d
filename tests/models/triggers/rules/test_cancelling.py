"""A cancellation that was begun, by an event or in the subscription itself."""

from __future__ import annotations

from models.triggers.facts import Standing
from models.triggers.rules.cancelling import CancelStarted
from tests.models.triggers.known import DAY, NOW, facts, happening

TRIGGER = CancelStarted()


def test_beginning_to_cancel_fires_once_a_day_for_a_week() -> None:
    """With the reason that was given, about the plan that is had."""
    begun = (happening("cancel_started", 1, reason="too dear"), happening("cancel_started", 1.05, reason="too dear"))

    found = list(TRIGGER.fires(facts(happenings=begun, standing=Standing(plan="plus"))))

    assert {fired.once_key for fired in found} == {"2026-03-11"}
    assert (found[0].subject, found[0].evidence["reason"]) == ("plus", "too dear")
    assert found[0].expires_at == NOW + 6 * DAY


def test_a_subscription_that_is_set_to_end_fires_until_it_ends() -> None:
    """Once for that end."""
    ends = Standing(plan="plus", ends_at=NOW + 9 * DAY)

    (fired,) = TRIGGER.fires(facts(standing=ends))

    assert (fired.subject, fired.expires_at) == ("plus", NOW + 9 * DAY)
    assert not list(TRIGGER.fires(facts(now=NOW + 9 * DAY, standing=ends)))
