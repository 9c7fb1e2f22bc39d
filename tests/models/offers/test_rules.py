"""Each rule's known answers, and how a new rule comes in: one file, one line in the registry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

from models.offers.context import Candidate, Learned
from models.offers.decide import decide, propose
from models.offers.registry import RULES
from models.offers.rules.feature_denied import FeatureDenied
from models.offers.rules.likely_upgrade import LikelyUpgrade
from models.offers.rules.limit_near import LimitNear
from tests.models.offers.strategies import addon, cheapest_first, context, plan, signal, use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext

PLUS = plan("plus", 1, "19.00", deliveries=30, early_access=True)
PRO = plan("pro", 2, "49.00", deliveries=None, early_access=True, wholesale=True)
BOX = addon("box", "7.50", tastings=True)
ALL = cheapest_first((PLUS, PRO, BOX))


def _said(candidates: Sequence[Candidate]) -> list[tuple[str, str | None]]:
    return [(candidate.target.key, candidate.unlocks) for candidate in candidates]


def test_a_refusal_leads_to_the_cheapest_target_that_gives_the_feature() -> None:
    """Wholesale prices come with Pro alone, early access with Plus and Pro, tastings with the box."""
    found = context(targets=ALL, denials={"wholesale": 1, "early_access": 2, "tastings": 5})

    candidates = FeatureDenied().propose(found)

    assert _said(candidates) == [
        ("box", "tastings"),
        ("plus", "early_access"),
        ("pro", "early_access"),
        ("pro", "wholesale"),
    ]
    assert [candidate.strength for candidate in candidates] == [5.0, 2.0, 2.0, 1.0]
    assert candidates[0].message == "Box includes what you were looking for."


def test_equally_often_refused_features_come_by_name() -> None:
    """So that the order does not depend on how a counter answers."""
    found = context(targets=ALL, denials={"tastings": 1, "early_access": 1})

    assert _said(FeatureDenied().propose(found)) == [
        ("plus", "early_access"),
        ("pro", "early_access"),
        ("box", "tastings"),
    ]


def test_a_refused_limit_feature_that_they_have_none_of_is_unlocked_by_units() -> None:
    """Seats are not in Starter at all; the plan with five seats is what unlocks them."""
    team = plan("team", 1, "29.00", seats=5)

    assert _said(FeatureDenied().propose(context(targets=(team,), denials={"seats": 2}))) == [("team", "seats")]


@pytest.mark.parametrize("gives", [{}, {"seats": 0}, {"seats": False}])
def test_what_gives_nothing_of_a_feature_does_not_unlock_it(gives: dict[str, int]) -> None:
    """Neither silence, nor none, nor no."""
    assert not FeatureDenied().propose(context(targets=(plan("team", 1, "29.00", **gives),), denials={"seats": 2}))


def test_a_full_limit_is_not_a_refused_feature() -> None:
    """A refusal because the limit was reached is the limit rule's business."""
    found = context(targets=ALL, denials={"deliveries": 4}, limits=(use(3, 3),))

    assert not FeatureDenied().propose(found)
    assert _said(LimitNear().propose(found)) == [("plus", "deliveries"), ("pro", "deliveries")]


@pytest.mark.parametrize(("used", "applies"), [(0, False), (99, False), (100, True), (130, True)])
def test_a_full_limit_speaks_for_itself(used: int, *, applies: bool) -> None:
    """Below it a signal does, which is raised once a threshold."""
    found = context(targets=(plan("plus", 1, "19.00", deliveries=500),), limits=(use(used, 100),))
    crossed = signal("limit_share", "deliveries", 0.8, threshold=80)

    assert bool(LimitNear().propose(found)) == applies
    (candidate,) = LimitNear().propose(replace(found, signals=(crossed, signal("limit_share", "seats"))))
    assert (candidate.target.key, candidate.signal, candidate.strength) == ("plus", crossed, used / 100)


def test_a_limit_of_nothing_is_full() -> None:
    """Nobody divides by zero, and whoever has none of something may want some."""
    assert _said(LimitNear().propose(context(targets=(PLUS,), limits=(use(0, 0),)))) == [("plus", "deliveries")]


def test_only_what_raises_a_limit_is_offered_for_it() -> None:
    """A plan with no more than there is does not; an add-on adds whatever it gives; no limit is more than any."""
    same = plan("same", 1, "10.00", deliveries=30)
    little = addon("little", "12.00", deliveries=1)
    found = context(targets=(same, little, PRO), limits=(use(30, 30),))

    assert _said(LimitNear().propose(found)) == [("little", "deliveries"), ("pro", "deliveries")]
    without = context(targets=(same, PRO), limits=(use(30, 30),))
    assert _said(LimitNear().propose(without)) == [("pro", "deliveries")]


def test_the_fullest_limit_comes_first_and_says_so() -> None:
    """Both limits are near; the one past its end leads."""
    bigger = plan("plus", 1, "19.00", deliveries=30, seats=10)
    crossed = signal("limit_share", "deliveries")
    found = context(targets=(bigger,), limits=(use(8, 10), use(6, 5, "seats")), signals=(crossed,))

    candidates = LimitNear().propose(found)

    assert _said(candidates) == [("plus", "seats"), ("plus", "deliveries")]
    assert candidates[0].message == "You have used 6 of 5 seats. Plus gives you more."


@pytest.mark.parametrize(("propensity", "applies"), [(None, False), (0.0, False), (0.0999, False), (0.1, True)])
def test_a_likely_upgrade_needs_one_in_ten(propensity: float | None, *, applies: bool) -> None:
    """Below the threshold, or without a model, the rule is silent."""
    assert bool(LikelyUpgrade().propose(context(targets=ALL, learned=Learned(propensity=propensity)))) == applies


def test_a_likely_upgrade_is_the_next_plan_on_the_ladder() -> None:
    """By rank and not by price, never an add-on, and nothing from the top."""
    cheap_pro = plan("pro", 2, "1.00")
    likely = context(targets=cheapest_first((cheap_pro, PLUS, BOX)), learned=Learned(propensity=0.5))

    assert _said(LikelyUpgrade().propose(likely)) == [("plus", None)]
    assert not LikelyUpgrade().propose(context(current=PRO, targets=(BOX,), learned=Learned(propensity=0.5)))
    assert not LikelyUpgrade().propose(context(current=None, targets=ALL, learned=Learned(propensity=0.5)))


def test_the_rules_in_force_have_keys_and_priorities_of_their_own() -> None:
    """So that a stored reason names one rule, and their order is never a matter of luck."""
    assert len({rule.key for rule in RULES}) == len(RULES)
    assert len({rule.priority for rule in RULES}) == len(RULES)


class WinBack:
    """A new rule as anybody would write it: whoever is likely to leave is offered an add-on of no more than a fifth of the plan."""

    key: ClassVar[str] = "win_back"
    priority: ClassVar[int] = 6
    is_personal: ClassVar[bool] = True

    def propose(self, found: OfferContext) -> Sequence[Candidate]:
        """The cheapest add-on, if the churn risk is high."""
        if found.learned.churn_risk is None or found.learned.churn_risk < 0.5:
            return ()
        boxes = [target for target in found.targets if target.kind == "addon"][:1]
        return [
            Candidate(
                rule=self.key, target=box, unlocks=None, message="A treat for you.", strength=found.learned.churn_risk
            )
            for box in boxes
        ]


def test_a_new_rule_is_one_class_and_one_registration() -> None:
    """It takes its place by its priority, is suppressed like all others, and the rest go on as before."""
    rules = (*RULES, WinBack())
    leaving = context(targets=ALL, denials={"early_access": 1}, learned=Learned(churn_risk=0.8))
    staying = context(targets=ALL, denials={"early_access": 1}, learned=Learned(churn_risk=0.1))

    chosen = decide(leaving, rules)

    assert (chosen.reason, sorted(each["rule"] for each in chosen.trace["candidates"])) == (
        "win_back",
        ["feature_denied", "feature_denied", "win_back"],
    )
    assert decide(staying, rules) == decide(staying)
    held = decide(context(targets=ALL, learned=Learned(churn_risk=0.8), is_held_out=True), rules)
    assert (held.candidate, held.trace["would_have_shown"]["rule"]) == (None, "win_back")


def test_candidates_of_one_rule_are_ordered_by_strength_then_price() -> None:
    """Whatever order a rule proposes them in."""

    class Both:
        key: ClassVar[str] = "both"
        priority: ClassVar[int] = 1
        is_personal: ClassVar[bool] = False

        def propose(self, found: OfferContext) -> Sequence[Candidate]:
            return [
                Candidate(
                    rule=self.key, target=target, unlocks=None, message="", strength=0.9 if target == BOX else 0.5
                )
                for target in reversed(found.targets)
            ]

    assert [each.target.key for each in propose(context(targets=ALL), (Both(),))] == ["box", "plus", "pro"]
