"""Curves against sums by hand, tests against truths that differ or do not, policies against what they earn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.uplift.contract import UpliftError, experiment
from models.uplift.heterogeneity import examine
from models.uplift.learners import CT_LOGISTIC, T_LOGISTIC
from models.uplift.metrics import curve, qini, uplift_at
from models.uplift.policy import Terms, choose, choose_all_or_none, policy_value, policy_value_weighted
from models.uplift.randomised import check_randomisation
from tests.models.uplift.experiments import alike, drawn

ARM = np.array([True, False, True, False, True, False])
OUTCOME = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0])


def test_the_curves_are_those_of_a_sum_by_hand() -> None:
    """Six customers in pairs: two movers first, then one whom the treatment lost."""
    found = curve(np.array([6.0, 5, 4, 3, 2, 1]), ARM, OUTCOME)

    assert found.share.tolist() == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert found.qini.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 1 / 3])
    assert found.coefficient == pytest.approx(17 / 36 - 1 / 6)
    assert found.gain.tolist() == pytest.approx([0, 0, 2 / 6, 3 / 6, 4 / 6, 5 / 9, 1 / 3])
    assert uplift_at(np.array([6.0, 5, 4, 3, 2, 1]), ARM, OUTCOME, 2 / 3) == 1.0
    assert uplift_at(np.array([6.0, 5, 4, 3, 2, 1]), ARM, OUTCOME, 0.1) == 0.0


def test_equal_scores_have_no_order() -> None:
    """One score for all is the straight line, whatever the order of the rows."""
    assert qini(np.zeros(6), ARM, OUTCOME) == pytest.approx(0)
    assert qini(np.zeros(6), ARM[::-1].copy(), OUTCOME[::-1].copy()) == pytest.approx(0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_only_the_order_of_scores_counts(seed: int) -> None:
    """A growing function of the scores, or another order of the rows, changes nothing; turned round, the sign mostly turns."""
    rng = np.random.default_rng(seed)
    score, arm, outcome = (
        rng.integers(0, 8, 80).astype(float),
        rng.random(80) < 0.5,
        (rng.random(80) < 0.4).astype(float),
    )
    mixed = rng.permutation(80)

    found = qini(score, arm, outcome)

    assert qini(np.exp(score) * 3, arm, outcome) == pytest.approx(found, abs=1e-12)
    assert qini(score[mixed], arm[mixed], outcome[mixed]) == pytest.approx(found, abs=1e-12)
    assert abs(found) <= 1


def test_a_curve_without_an_arm_is_refused() -> None:
    """There is nothing to compare."""
    with pytest.raises(UpliftError, match="both arms"):
        curve(np.zeros(3), np.ones(3, dtype=bool), np.zeros(3))


def test_heterogeneity_that_is_there_is_found() -> None:
    """And told for people."""
    data, _ = drawn(3000, seed=1)
    found = examine((T_LOGISTIC,), data, np.random.default_rng(0), repeats=3, parts=3)

    assert found.is_usable
    assert "pays to choose" in found.said
    assert found.slopes[0].slope == pytest.approx(1, abs=0.4)


def test_where_all_are_moved_alike_the_test_rarely_says_otherwise() -> None:
    """Sixty experiments without heterogeneity, one split each: about one in twenty may look otherwise; six would be many."""
    rng = np.random.default_rng(5)
    wrong = sum(examine((CT_LOGISTIC,), alike(800, seed=seed), rng, repeats=1, parts=2).is_usable for seed in range(60))

    assert wrong <= 7


def test_more_for_those_who_come_anyway_needs_no_learner() -> None:
    """Effects in proportion to the chance to respond without them: of ten experiments at most two call for a learner of uplift."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(4000, 3))
        base = 1 / (1 + np.exp(2.0 - 0.7 * features[:, 0]))
        treated = rng.random(4000) < 0.5
        data = experiment(features, treated, (rng.random(4000) < base * (1 + 0.5 * treated)).astype(float))
        found.append(examine((T_LOGISTIC,), data, rng, repeats=2, parts=2))

    assert sum(one.is_usable for one in found) <= 2
    assert all(one.is_usable or one.said.endswith("treat all or none, by margin") for one in found)


def test_several_learners_are_corrected_for() -> None:
    """Holm: the smallest is multiplied by how many there are, none falls below the one before."""
    found = examine((T_LOGISTIC, CT_LOGISTIC), alike(800, seed=3), np.random.default_rng(0), repeats=2, parts=2)
    ordered = sorted(found.slopes, key=lambda slope: slope.p_value)

    assert ordered[0].adjusted_p == pytest.approx(min(1, 2 * ordered[0].p_value))
    assert ordered[1].adjusted_p >= ordered[0].adjusted_p


def test_a_draw_that_was_not_random_is_told() -> None:
    """Chance passes; treating those who come anyway does not."""
    data, _ = drawn(2000, seed=1)
    chosen = data.features[:, 0] + np.random.default_rng(0).normal(size=2000) > 0
    biased = experiment(data.features, chosen, data.outcome)

    assert check_randomisation(data, np.random.default_rng(0)).is_random
    assert not check_randomisation(biased, np.random.default_rng(0)).is_random


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.floats(0, 200), st.floats(0, 2000))
def test_a_policy_treats_nobody_at_a_loss_and_never_beyond_the_budget(
    uplift: list[float], cost: float, budget: float
) -> None:
    """And nobody untreated earns more than somebody treated."""
    terms = Terms(margin=1000, cost=cost, budget=budget)
    values = np.array(uplift)
    chosen = choose(values, terms)

    assert (values[chosen] * 1000 > cost).all()
    assert chosen.sum() * cost <= budget
    if chosen.any() and (~chosen).any():
        assert values[chosen].sum() >= np.sort(values)[::-1][: chosen.sum()].sum() - 1e-9


def test_all_or_none_goes_by_the_mean_effect() -> None:
    """The budget buys the likely to respond first."""
    assert choose_all_or_none(0.1, 3, Terms(margin=100, cost=5)).all()
    assert not choose_all_or_none(0.04, 3, Terms(margin=100, cost=5)).any()
    few = choose_all_or_none(0.1, 3, Terms(margin=100, cost=5, budget=5), np.array([0.1, 0.9, 0.5]))
    assert few.tolist() == [False, True, False]
    with pytest.raises(UpliftError, match="margin"):
        Terms(margin=0)


def test_the_value_of_a_policy_is_what_it_truly_earns() -> None:
    """Both readings hold the truth, and the doubly robust one is no wider."""
    data, truth = drawn(20_000, seed=11)
    terms = Terms(margin=100, cost=5)
    chosen = choose(truth, terms)
    earned = float((chosen * (truth * 100 - 5)).mean())

    robust, plain = (
        policy_value(chosen, data, terms, np.random.default_rng(0)),
        policy_value_weighted(chosen, data, terms),
    )

    assert robust.low < earned < robust.high
    assert plain.low < earned < plain.high
    assert robust.high - robust.low <= plain.high - plain.low
