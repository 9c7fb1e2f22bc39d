"""The rules that answer signals: for each kind of offer somebody it is for, and somebody it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.offers.rules.bundle import Bundle
from models.offers.rules.engagement import Engagement
from models.offers.rules.intent import Intent
from models.offers.rules.life_cycle import LifeCycle
from models.offers.rules.missing_function import MissingFunction
from models.offers.rules.save import Save
from tests.models.offers.strategies import (
    BUNDLES,
    NOW,
    SAVINGS,
    addon,
    cheapest_first,
    context,
    negative,
    plan,
    signal,
    use,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import Candidate

PLUS = plan("plus", 1, "19.00", deliveries=30, early_access=True)
PRO = plan("pro", 2, "49.00", deliveries=None, early_access=True)
BOX = addon("box", "7.50", tastings=True)
YEAR = replace(plan("starter_year", 0, "90.00", deliveries=3), period_days=365)
ALL = cheapest_first((PLUS, PRO, BOX, YEAR))


def _said(candidates: Sequence[Candidate]) -> list[tuple[str, str | None]]:
    return [(candidate.target.key, candidate.unlocks) for candidate in candidates]


@pytest.mark.parametrize("rule", [Bundle(), Engagement(), Intent(), LifeCycle(), MissingFunction(), Save()])
def test_without_its_signal_a_rule_is_silent(rule: Engagement) -> None:
    """Whatever there is to sell; and without a plan to change it is silent too, but for the bundle."""
    assert not rule.propose(context(targets=(*ALL, *BUNDLES, *SAVINGS)))
    assert not rule.propose(context(current=None, targets=ALL, signals=(signal("engagement"), signal("intent"))))


@pytest.mark.parametrize(
    ("subject", "offered"),
    [
        ("tastings", [("box", "tastings")]),
        ("box", [("box", None)]),
        ("early_access", [("plus", "early_access"), ("pro", "early_access")]),
        ("deliveries", [("plus", "deliveries"), ("pro", "deliveries")]),
        ("starter", []),
        ("wholesale", []),
        (None, []),
    ],
)
def test_a_function_they_miss_is_answered_by_what_has_it(subject: str | None, offered: object) -> None:
    """By the feature or by the thing's own key; what nobody sells cannot be answered."""
    found = context(targets=ALL, limits=(use(1, 3),), signals=(signal("missing_function", subject, 0.7),))
    candidates = MissingFunction().propose(found)

    assert _said(candidates) == offered
    assert all((each.strength, each.signal) == (0.7, found.signals[0]) for each in candidates)


def test_intent_is_answered_by_what_it_names_or_by_the_next_plan() -> None:
    """The stronger first; what is theirs already says nothing."""
    looking = signal("intent", None, 0.3, intent="pricing")
    named, theirs = signal("intent", "tastings", 0.9), signal("intent", "deliveries", 0.8)

    assert _said(Intent().propose(context(targets=ALL, signals=(looking, named, theirs)))) == [
        ("box", "tastings"),
        ("plus", None),
    ]


def test_of_two_signals_about_one_thing_the_stronger_speaks() -> None:
    """Then the later one."""
    weak, strong = signal("intent", None, 0.2), signal("intent", None, 0.6)
    later = replace(strong, at=NOW)

    (candidate,) = Intent().propose(context(targets=ALL, signals=(weak, strong, later)))

    assert candidate.signal == later


def test_growing_use_is_answered_by_the_next_plan() -> None:
    """By rank, whatever the prices; nothing from the top."""
    growing = (signal("engagement", None, 0.4, sign="rising"),)

    assert _said(Engagement().propose(context(targets=ALL, signals=growing))) == [("plus", None)]
    assert not Engagement().propose(context(current=PRO, targets=(BOX,), signals=growing))


def test_a_renewal_is_the_time_for_a_longer_plan_or_else_an_add_on() -> None:
    """The same step for a year; without one the cheapest thing beside the plan; and it says which moment it is."""
    renewing = (signal("life_cycle", "starter", moment="renewal_near"),)
    (longer,) = LifeCycle().propose(context(targets=ALL, signals=renewing))
    assert (longer.target, longer.message) == (
        YEAR,
        "Your next period begins soon. Starter_Year is also there for longer.",
    )

    ending = (signal("life_cycle", "starter", moment="trial_ending"),)
    (beside,) = LifeCycle().propose(context(targets=(BOX, PLUS), signals=ending))
    assert (beside.target, beside.message) == (BOX, "Your trial ends soon. Box goes well with it.")
    assert not LifeCycle().propose(context(targets=(PLUS, PRO), signals=ending))


@pytest.mark.parametrize(
    "leaving",
    [
        {"signals": (signal("cancel_started"),)},
        {"negatives": (negative("cancelling"),)},
    ],
)
def test_who_leaves_is_made_every_save_offer(leaving: dict[str, tuple[object, ...]]) -> None:
    """In words that fit what is granted; a cancellation that is over counts no more."""
    smaller = replace(SAVINGS[0], key="mini", name="Mini", saving={"plan": "mini"})
    candidates = Save().propose(context(targets=(PLUS, smaller, *SAVINGS), **leaving))

    assert [each.message for each in candidates] == [
        "Mini may fit you better.",
        "We would like you to stay: Tenth_Off.",
        "Would a break help? You can pause for 30 days.",
    ]
    assert not Save().propose(context(targets=SAVINGS, negatives=(negative("cancelling", 9, 1),)))


def test_who_only_may_leave_is_offered_what_was_set_aside_for_it_and_no_break() -> None:
    """A break or a smaller plan would put the thought into their heads."""
    at_risk = context(targets=(PLUS, *SAVINGS), signals=(signal("churn_risk", None, 0.6, risk=0.6),))

    assert [each.message for each in Save().propose(at_risk)] == ["We would like you to stay: Tenth_Off."]
    assert not Save().propose(context(targets=(PLUS, *SAVINGS)))


def test_a_bundle_fits_who_owns_something_but_none_of_its_parts() -> None:
    """Pair has a mug and beans, Trio a mug, a pot and tea; the one of higher rank is the stronger."""
    found = context(targets=BUNDLES, owned=frozenset({"starter"}))

    assert {each.target.key: each.strength for each in Bundle().propose(found)} == {"pair": 2.0, "trio": 1.0}
    assert _said(Bundle().propose(replace(found, owned=frozenset({"tea"})))) == [("pair", None)]
    assert not Bundle().propose(replace(found, owned=frozenset({"mug"})))
