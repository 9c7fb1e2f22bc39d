"""One contract for all learners: what they learn of a known truth, what never changes an answer, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.tabular.table import FeatureTable
from models.uplift.choice import Champion
from models.uplift.combination import Combination
from models.uplift.contract import UpliftError, experiment, folds
from models.uplift.learners import (
    CT_ADDITIVE,
    CT_LOGISTIC,
    CT_TREES,
    DR_ADDITIVE,
    DR_LINE,
    DR_TREES,
    RESPONSE,
    ROBUST,
    S_TREES,
    T_LOGISTIC,
    T_TREES,
    X_TREES,
    RandomOrder,
    pseudo_outcomes,
)
from models.uplift.metrics import qini
from models.uplift.model import UpliftModel
from models.uplift.outcomes import fit_line
from tests.models.uplift.experiments import drawn

if TYPE_CHECKING:
    from pathlib import Path

    from models.uplift.contract import Learner

LEARNERS: tuple[Learner, ...] = (
    S_TREES, T_TREES, T_LOGISTIC, X_TREES, DR_TREES, DR_ADDITIVE, DR_LINE, CT_LOGISTIC, CT_ADDITIVE, CT_TREES, ROBUST
)  # fmt: skip
named = pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)


@named
def test_a_learner_finds_whom_the_treatment_moves(learner: Learner) -> None:
    """The moved are told from the others by most of the true difference, and the order beats that of the response model."""
    train, _ = drawn(6000, seed=1)
    test, truth = drawn(6000, seed=2)
    told = learner.fit(train, np.random.default_rng(0)).uplift(test.features)
    response = RESPONSE.fit(train, np.random.default_rng(0)).uplift(test.features)

    moved, others = told[truth > 0].mean(), told[truth == 0].mean()

    assert moved - others == pytest.approx(0.2, abs=0.11)
    assert qini(told, test.treated, test.outcome) >= qini(response, test.treated, test.outcome)


@named
def test_arms_of_different_size_give_no_bias(learner: Learner) -> None:
    """A fifth treated: the mean uplift is still that of the population."""
    train, truth = drawn(8000, seed=3, share=0.2)

    told = learner.fit(train, np.random.default_rng(0)).uplift(train.features)

    assert told.mean() == pytest.approx(truth.mean(), abs=0.05)


@named
def test_the_same_rows_and_seed_give_the_same_fit(learner: Learner) -> None:
    """To the last bit."""
    train, _ = drawn(600, seed=5)

    first, second = (learner.fit(train, np.random.default_rng(7)).uplift(train.features) for _ in range(2))

    assert (first == second).all()


@named
def test_a_learner_takes_amounts_as_well_as_yes_or_no(learner: Learner) -> None:
    """What is spent rises for the moved."""
    train, truth = drawn(3000, seed=6)
    spent = experiment(train.features, train.treated, train.outcome * 40.0)

    told = learner.fit(spent, np.random.default_rng(0)).uplift(spent.features)

    assert told[truth > 0].mean() > told[truth == 0].mean() + 2


@named
def test_a_kept_learner_answers_as_before(learner: Learner) -> None:
    """Through JSON and back."""
    train, _ = drawn(600, seed=5)
    fitted = learner.fit(train, np.random.default_rng(7))
    assert isinstance(fitted, Combination)

    again = Combination.from_document(json.loads(json.dumps(fitted.to_document())))

    assert again.uplift(train.features) == pytest.approx(fitted.uplift(train.features), abs=1e-12)


def test_the_model_that_is_kept_answers_by_the_mean_where_nothing_differs(tmp_path: Path) -> None:
    """And by its fit where something does."""
    train, _ = drawn(600, seed=5)
    fitted = T_LOGISTIC.fit(train, np.random.default_rng(7))
    assert isinstance(fitted, Combination)
    table = FeatureTable.from_columns({name: train.features[:, place] for place, name in enumerate("abc")})
    for usable, folder in ((True, "one"), (False, "two")):
        model = UpliftModel(columns=tuple("abc"), fitted=fitted, is_usable=usable, effect=0.1, rung="T")
        model.save(tmp_path / folder)
        told = UpliftModel.load(tmp_path / folder).uplift(table)
        assert (told == (fitted.uplift(train.features) if usable else 0.1)).all()


def test_pseudo_outcomes_have_the_effect_as_their_mean() -> None:
    """Within four standard errors of the truth."""
    data, truth = drawn(8000, seed=8)
    found = pseudo_outcomes(data, fit_line, np.random.default_rng(0))

    assert abs(found.mean() - truth.mean()) < 4 * found.std() / np.sqrt(found.size)


def test_the_champion_leaves_the_mean_only_for_what_is_surely_better() -> None:
    """Weak effects keep the robust mean; an exclusive-or, which no additive part sees, calls for depth."""
    weak, _ = drawn(2500, seed=9, strength=0.05)
    rng = np.random.default_rng(3)
    features = np.column_stack([rng.integers(0, 2, 8000), rng.integers(0, 2, 8000), rng.normal(size=8000)])
    treated = rng.random(8000) < 0.5
    moved = (features[:, 0] != features[:, 1]) * 0.5 - 0.1
    deep = experiment(features, treated, (rng.random(8000) < 0.3 + moved * treated).astype(float))

    assert Champion().settle(weak, np.random.default_rng(0)) is ROBUST
    told = Champion().fit(deep, np.random.default_rng(0)).uplift(features)
    assert np.corrcoef(told, moved)[0, 1] > 0.8


def test_folds_share_arms_and_outcomes_evenly() -> None:
    """Each part has its tenth of every arm and outcome, within one."""
    data, _ = drawn(1000, seed=4)
    part = folds(data, 10, np.random.default_rng(0))
    counts = np.array([[((part == k) & (data.treated == arm)).sum() for arm in (True, False)] for k in range(10)])

    assert counts.max(axis=0) - counts.min(axis=0) == pytest.approx([0, 0], abs=2)


def test_the_random_order_is_drawn_once() -> None:
    """Asked twice it ranks the same."""
    data, _ = drawn(100, seed=4)
    fitted = RandomOrder().fit(data, np.random.default_rng(0))
    assert (fitted.uplift(data.features) == fitted.uplift(data.features)).all()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((np.zeros((30, 1)), np.ones(30, dtype=bool), np.zeros(30)), "each arm needs at least 20"),
        ((np.full((60, 1), np.nan), np.arange(60) % 2 == 0, np.zeros(60)), "none of them missing"),
        ((np.zeros((60, 1)), np.arange(50) % 2 == 0, np.zeros(60)), "same rows"),
    ],
)
def test_rows_that_teach_nothing_are_refused(rows: tuple[np.ndarray, ...], said: str) -> None:
    """With the numbers."""
    with pytest.raises(UpliftError, match=said):
        experiment(*rows)
