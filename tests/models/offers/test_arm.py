"""Experiments inside a decision: who is exposed does not depend on the arm, and the holdout is decided at the same point as the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.offers.context import Exposure
from models.offers.decide import decide
from tests.models.offers.strategies import SURE, addon, cheapest_first, context, contexts, past, plan, trial, use

if TYPE_CHECKING:
    from models.offers.context import OfferContext

PLUS = plan("plus", 1, "19.00", deliveries=30, early_access=True)
EXTRA = addon("extra", "5.00", deliveries=5)
TREATMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"show": False},
    {"show": True, "message": "Have {target}."},
    {"only_rules": ["likely_upgrade"]},
    {"only_rules": []},
    {"order": "priority"},
)
AT_THE_LIMIT = context(targets=cheapest_first((PLUS, EXTRA)), limits=(use(3, 3),))


@given(contexts(), st.sampled_from(TREATMENTS), st.sampled_from(TREATMENTS))
def test_who_is_exposed_to_an_experiment_does_not_depend_on_the_arm(found: OfferContext, one: Any, other: Any) -> None:
    """The triggered and eligible are the same people in every arm; else the arms could not be compared."""
    exposed = [
        {each.experiment for each in decide(replace(found, trials=(trial(arm, **treatment),))).exposures}
        for arm, treatment in (("a", one), ("b", other))
    ]

    assert ("wording" in exposed[0]) == ("wording" in exposed[1])


@given(contexts())
def test_the_holdout_is_counted_at_the_same_point_as_the_offers(found: OfferContext) -> None:
    """What a held-out customer would have seen is what the same customer sees who is not, with the same two experiments."""
    found = replace(found, past=tuple(replace(each, expires_at=None) for each in found.past))
    offered = decide(replace(found, is_held_out=False))
    held = decide(replace(found, is_held_out=True))
    mine = [each for each in offered.exposures if each.arm == "offered"]
    theirs = [each for each in held.exposures if each.arm == "held_out"]

    if offered.candidate is not None:
        assert held.counterfactual == offered.candidate
        assert held.reason == "holdout"
        assert held.trace["would_have_shown"]["target"] == offered.candidate.target.key
    assert [each.experiment for each in theirs] == [each.experiment for each in mine]
    assert {each.counterfactual for each in mine} <= {False}
    assert {each.counterfactual for each in theirs} <= {True}
    assert len(held.exposures) == len(theirs)


@given(contexts())
def test_exposures_name_each_experiment_once_and_at_most_one_trial(found: OfferContext) -> None:
    """And say truly whether anything was shown."""
    choice = decide(found)
    names = [each.experiment for each in choice.exposures]
    trials = [each for each in choice.exposures if each.experiment in {one.experiment for one in found.trials}]

    assert len(set(names)) == len(names)
    assert len(trials) <= 1
    assert all(each.counterfactual == (choice.candidate is None) for each in choice.exposures)
    assert all(0 < each.propensity <= 1 for each in choice.exposures)


@pytest.mark.parametrize(
    ("treatment", "reason", "target", "message"),
    [
        ({}, "limit_near", "extra", "You have used 3 of 3 deliveries. Extra gives you more."),
        ({"message": "Have {target}."}, "limit_near", "extra", "Have Extra."),
        ({"show": False}, "experiment", None, None),
        ({"only_rules": ["intent"]}, "not_in_arm", None, None),
        ({"only_rules": ["limit_near"], "order": "priority"}, "limit_near", "extra", None),
    ],
)
def test_an_arm_does_what_its_treatment_says(treatment: Any, reason: str, target: str, message: str | None) -> None:
    """Words, silence, a choice of rules, or the plain order; what it does not say stays as it is."""
    choice = decide(replace(AT_THE_LIMIT, trials=(trial("b", **treatment),)))

    assert (choice.reason, choice.candidate and choice.candidate.target.key) == (reason, target)
    assert message is None or (choice.candidate is not None and choice.candidate.message == message)
    assert Exposure(experiment="wording", arm="b", counterfactual=target is None, propensity=0.5) in choice.exposures


def test_an_arm_that_shows_nothing_keeps_what_would_have_been_shown() -> None:
    """Of the programme it is no part then: the held-out in that arm are none either."""
    hidden = replace(AT_THE_LIMIT, trials=(trial("b", show=False),))
    choice = decide(hidden)

    assert choice.counterfactual is not None
    assert choice.counterfactual.target == EXTRA
    assert [each.experiment for each in choice.exposures] == ["wording"]
    assert decide(replace(hidden, is_held_out=True)).exposures == ()


def test_of_two_experiments_the_first_by_name_decides() -> None:
    """However they are told; the other is noted as set aside."""
    two = (trial("b", show=False), trial("a", "another"))

    for trials in (two, two[::-1]):
        choice = decide(replace(AT_THE_LIMIT, trials=trials))
        assert [each.experiment for each in choice.exposures][-1] == "another"
        assert choice.trace["experiment"] == {"experiment": "another", "arm": "a", "aside": ["wording"]}


def test_the_untriggered_and_the_suppressed_are_exposed_to_nothing() -> None:
    """Analysing who could not have been treated only dilutes."""
    running = (trial("b"),)

    assert decide(context(targets=(PLUS,), trials=running)).exposures == ()
    assert decide(replace(AT_THE_LIMIT, trials=running, past=(past(1, "impression"),))).exposures == ()
    held = replace(AT_THE_LIMIT, trials=running, is_held_out=True, past=(past(1, is_counterfactual=True),))
    assert (decide(held).exposures, decide(held).reason) == ((), "holdout")


def test_the_chance_of_the_arm_is_the_holdouts_share() -> None:
    """Five in a hundred unless the policy says otherwise."""
    for share, chance in ((None, 0.95), (2000, 0.8)):
        found = replace(AT_THE_LIMIT, policy=replace(SURE, holdout_per_ten_thousand=share))
        assert {each.propensity for each in decide(found).exposures} == {chance}
        held = decide(replace(found, is_held_out=True))
        assert [each.propensity for each in held.exposures] == pytest.approx([1 - chance] * 2)
