"""What keeps an offer away: each reason at its edges, and the first that holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from features.offers.policy import Cap, Caps, QuietHours
from models.offers.context import Candidate
from models.offers.suppress import COOL_DOWN_DAYS, ORDER, cool_down, suppress, suppression
from tests.models.offers.strategies import (
    NOW,
    SAVINGS,
    SURE,
    context,
    contexts,
    negative,
    past,
    plan,
    shown,
)

if TYPE_CHECKING:
    from models.offers.context import OfferContext, Target

TICK = timedelta(microseconds=1)
PLUS = plan("plus", 1, "19.00")


def _offer(target: Target = PLUS, rule: str = "limit_near") -> Candidate:
    return Candidate(rule=rule, target=target, unlocks=None, message="", strength=1.0)


def _reason(found: OfferContext, candidate: Candidate | None = None) -> str | None:
    return next(iter(suppression(found, candidate or _offer())), None)


def test_a_free_customer_is_not_suppressed() -> None:
    """Nothing in the way."""
    assert suppression(context(), _offer()) == ()


def test_the_reasons_hold_in_their_order() -> None:
    """With all of them at once, taking the first away shows the next, to the last."""
    policy = replace(
        SURE,
        killed=frozenset({"limit_near"}),
        consent="offers",
        quiet=QuietHours(start=time(0), end=time(23, 59)),
        caps=Caps(
            offer=Cap(most=1), placement=Cap(most=1), person=Cap(most=1), customer=Cap(most=1), tenant=Cap(most=9)
        ),
    )
    every: dict[str, Any] = {
        "is_held_out": True,
        "negatives": (negative("payment_failed", 1), negative("incident", 2), negative("flood")),
        "customer_since": NOW,
        "past": (past(2, "dismiss"),),
        "shown": (shown(1),),
        "tenant_shown": 9,
        "policy": policy,
    }
    easier: list[tuple[str, dict[str, Any]]] = [
        ("killed", {"policy": replace(policy, killed=frozenset())}),
        ("no_consent", {"consents": frozenset({"offers"})}),
        ("holdout", {"is_held_out": False}),
        ("payment_failed", {"negatives": (negative("incident"), negative("flood"))}),
        ("incident", {"negatives": (negative("flood"),)}),
        ("held_back", {"negatives": ()}),
        ("grace", {"customer_since": NOW - timedelta(days=3)}),
        ("quiet_hours", {"policy": replace(policy, killed=frozenset(), quiet=None)}),
        ("cooling_down", {"past": ()}),
        ("cap_offer", {"shown": (shown(1, "pro"),)}),
        ("cap_placement", {"placement": "checkout"}),
        ("cap_person", {"member": "kim", "shown": (shown(1, "pro", member="lee"),)}),
        ("cap_customer", {"shown": ()}),
        ("cap_tenant", {"tenant_shown": 8}),
    ]
    for code, ease in easier:
        assert _reason(context(**every)) == code
        every |= ease
    assert _reason(context(**every)) is None


@given(contexts())
def test_what_is_kept_back_has_a_reason_and_what_is_not_has_none(found: OfferContext) -> None:
    """But the holdout, which keeps nothing from being considered; reasons come in their order."""
    candidates = [_offer(target) for target in found.targets]
    passed, refused = suppress(found, candidates)

    assert len(passed) + len(refused) == len(candidates)
    assert all(set(suppression(found, each)) <= {"holdout"} for each in passed)
    for way in refused:
        codes = [way.reason, *way.also]
        assert codes == list(suppression(found, way.candidate)) == sorted(set(codes), key=ORDER.index)
        assert set(codes) - {"holdout"}


@pytest.mark.parametrize("dismissals", [1, 2, 3, 4, 7])
def test_each_dismissal_makes_the_silence_longer_up_to_sixty_days(dismissals: int) -> None:
    """The last microsecond of the cool-down is silent, the first one after it is not."""
    length = cool_down(dismissals)
    decisions = tuple(past(number / 100, "dismiss") for number in range(dismissals))
    found = context(past=decisions)
    last = max(decision.decided_at for decision in decisions)

    assert length.days == COOL_DOWN_DAYS[min(dismissals, 4) - 1]
    assert _reason(replace(found, now=last + length - TICK)) == "cooling_down"
    assert _reason(replace(found, now=last + length)) is None


def test_the_silence_begins_with_the_dismissal_and_is_the_persons_own() -> None:
    """Closed a day after it was decided; a colleague who never saw it is not silenced, somebody unnamed is."""
    closed = past(3.5, "dismiss", dismissed_at=NOW - timedelta(days=2.5), member="kim")

    assert _reason(context(past=(closed,), member="kim")) == "cooling_down"
    assert _reason(context(past=(closed,))) == "cooling_down"
    assert _reason(context(past=(closed,), member="lee")) is None
    assert _reason(context(past=(replace(closed, dismissed_at=None),), member="kim")) is None


def test_a_save_offer_is_made_during_a_cancellation_and_nothing_else_is() -> None:
    """Any other trouble holds it back as well."""
    leaving = context(negatives=(negative("cancelling"),))

    assert _reason(leaving) == "cancelling"
    assert _reason(leaving, _offer(SAVINGS[0], "save")) is None
    late = context(negatives=(negative("cancelling"), negative("payment_failed")))
    assert _reason(late, _offer(SAVINGS[0], "save")) == "payment_failed"


def test_trouble_that_is_over_or_yet_to_come_holds_nobody_back() -> None:
    """From its beginning up to its end, or for the time being."""
    for kind, days_ago, days, holds in (
        ("ticket_open", 2, 2, False),
        ("ticket_open", 2, 2.01, True),
        ("incident", -0.01, None, False),
        ("incident", 0, None, True),
    ):
        assert bool(suppression(context(negatives=(negative(kind, days_ago, days),)), _offer())) == holds


def test_a_switch_stops_a_rule_a_target_a_place_or_all() -> None:
    """By name; what is not named goes on."""
    for name, stops in (("limit_near", True), ("plus", True), ("account", True), ("*", True), ("pro", False)):
        assert bool(suppression(context(policy=replace(SURE, killed=frozenset({name}))), _offer())) == stops


def test_who_unsubscribed_from_a_channel_is_left_alone_there() -> None:
    """Whatever they agreed to elsewhere: nothing is shown, and it is no consent that keeps it back."""
    assert _reason(context(is_left_alone=True, consents=frozenset({"offers"}))) == "no_consent"
