"""The closed form against its definition, and what recency changes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from models.recommender.contract import Histories
from models.recommender.ease import EaseConfig, EaseError, ease_weights, fit_ease, gram
from models.recommender.interactions import DAY_US, Interactions
from models.recommender.item_weights import strongest
from tests.models.recommender.contract import AS_OF_US, all_histories, checkerboard


def test_the_cholesky_way_equals_the_plain_inverse() -> None:
    """-P_ij / P_jj with P the inverse, as in the paper."""
    rows = sp.random(60, 12, density=0.3, random_state=1, format="csr")
    dense = rows.toarray()
    inverse = np.linalg.inv(dense.T @ dense + 3.0 * np.eye(12))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)

    np.testing.assert_allclose(ease_weights(gram(rows), 3.0), expected, rtol=1e-9, atol=1e-12)


def test_each_column_solves_its_own_ridge_regression() -> None:
    """Without an item's own column, its weights are the ridge solution on the others."""
    rows = sp.random(80, 6, density=0.4, random_state=2, format="csr")
    dense, weights = rows.toarray(), ease_weights(gram(rows), 2.0)
    others = [0, 1, 2, 4, 5]
    X = dense[:, others]
    ridge = np.linalg.solve(X.T @ X + 2.0 * np.eye(5), X.T @ dense[:, 3])

    np.testing.assert_allclose(weights[others, 3], ridge, rtol=1e-8)


def test_keeping_all_weights_changes_no_score() -> None:
    """Cutting weights is the only difference between served and dense."""
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(9, 9))
    history = sp.random(5, 9, density=0.5, random_state=0, format="csr")

    np.testing.assert_allclose(strongest(dense, 9, "test").propagate(history), history @ dense)
    cut = strongest(dense, 8, "test").as_matrix().toarray()
    assert ((cut == dense) | (cut == 0)).all()
    assert (cut != 0).sum(axis=1).max() == 8


def test_a_fresh_purchase_speaks_louder_than_an_old_one() -> None:
    """Half-life: the same item, taken one half-life earlier, gives half the score."""
    data = checkerboard()
    fitted = fit_ease(data, AS_OF_US, config=EaseConfig(half_life_days=10.0))
    row, col = np.array([0, 1], dtype=np.int32), np.array([4, 4], dtype=np.int32)
    at_us = np.array([AS_OF_US, AS_OF_US - 10 * DAY_US])
    scores = fitted.score(Histories(2, data.items.size, row, col, at_us, AS_OF_US))

    np.testing.assert_allclose(scores[1], scores[0] / 2)


def test_an_item_nobody_took_yet_scores_nothing() -> None:
    """Columns without data stay at zero instead of failing the factorisation."""
    data = Interactions.from_columns(["a", "a", "b"], ["x", "y", "later"], [1, 2, 9])
    scores = fit_ease(data, 5).score(all_histories(data, 5))

    assert scores[:, data.items.tolist().index("later")].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("wrong", [{"shrinkage": 0.0}, {"keep": 0}, {"half_life_days": 0.0}])
def test_a_configuration_that_cannot_be_fitted_is_refused(wrong: dict[str, float]) -> None:
    """Positive shrinkage keeps the matrix invertible."""
    with pytest.raises(EaseError):
        EaseConfig(**wrong)  # type: ignore[arg-type]
