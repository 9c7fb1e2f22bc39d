"""Rung 1 and the usual rate: what can be said before any outcome was seen."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.classification import auc
from models.tabular.prior import constant_model, prior_rate
from models.tabular.silence import COLUMNS, fit_silence, silence_probability
from models.tabular.table import Examples, FeatureTable, TableError
from models.tabular.tenure_table import fit_tenure_table


def buyers(customers: int, seed: int = 0) -> tuple[FeatureTable, np.ndarray]:
    """Buyers by Poisson processes of gamma rates, seen for 300 days, with who stays silent in the 60 after; nobody ever leaves."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.2, 1 / 60, customers)
    times = np.cumsum(rng.exponential(1 / rate[:, None], (customers, 80)), axis=1)
    seen = times < 300
    orders = seen.sum(axis=1) + 1  # the first order is on day 0
    last = np.where(seen.any(axis=1), np.where(seen, times, 0).max(axis=1), 0.0)
    silent = np.logical_not(((times >= 300) & (times < 360)).any(axis=1), dtype=np.bool_)
    gap = np.where(orders > 1, last / np.maximum(orders - 1, 1), 3650.0)
    return FeatureTable(COLUMNS, np.column_stack([np.full(customers, 300.0), 300.0 - last, gap])), silent


def examples_of(table: FeatureTable) -> Examples:
    """Rows without an outcome yet."""
    return Examples(table, np.zeros(len(table), dtype=bool), np.arange(len(table)).astype(str))


def test_silence_is_told_from_rhythm_alone() -> None:
    """Fitted without one outcome: as many stay silent as was said, and those with the higher chance."""
    table, silent = buyers(3000)
    rung = fit_silence(examples_of(table), horizon_days=60)
    assert rung is not None

    found = rung.probability(table.values)

    assert found.mean() == pytest.approx(silent.mean(), abs=0.03)
    assert auc(silent, found) > 0.75


def test_the_closed_form_by_hand() -> None:
    """With nobody leaving: one repeat in 30 days, gamma(1, 30), the next 30 days: (60 / 90) ** 2."""
    found = silence_probability(np.array([1.0]), np.array([10.0]), np.array([30.0]), 1.0, 30.0, 1e-12, 1.0, 30.0)

    assert found[0] == pytest.approx((60 / 90) ** 2)


def test_who_has_probably_left_is_silent_for_sure() -> None:
    """Twenty orders in twenty days and then 300 days of nothing."""
    found = silence_probability(np.array([20.0]), np.array([20.0]), np.array([320.0]), 1.0, 10.0, 1.0, 5.0, 30.0)

    assert found[0] > 0.999


def test_one_buyer_is_enough_for_an_answer() -> None:
    """The usual rate stands in for a process that cannot be fitted; nobody at all is no error either."""
    one = FeatureTable(COLUMNS, np.array([[1.0, 1.0, 3650.0]]))
    rung = fit_silence(examples_of(one), horizon_days=90)
    empty = fit_silence(examples_of(one.take(np.zeros(0, dtype=int))), horizon_days=90)

    assert rung is not None
    assert 0.1 < rung.probability(one.values)[0] < 0.6
    assert empty is not None
    assert fit_silence(examples_of(FeatureTable.from_columns({"orders": [1.0]})), horizon_days=90) is None


def test_the_life_table_finds_the_first_month_and_draws_the_rest_to_the_whole() -> None:
    """Known answer: everybody who has been here for less than a month leaves, nobody else; a stretch without rows says the overall rate."""
    tenure = np.concatenate([np.full(300, 10.0), np.full(700, 200.0)])
    rows = Examples(FeatureTable.from_columns({"tenure_days": tenure}), tenure < 30, tenure.astype(str))
    rung = fit_tenure_table(rows)
    assert rung is not None

    found = rung.probability(np.array([[5.0], [190.0], [3000.0]]))

    assert found[0] > 0.9
    assert found[1] < 0.02
    assert found[2] == pytest.approx(0.3, abs=0.01)
    assert fit_tenure_table(rows.take(np.arange(300))) is None


def test_a_usual_rate_moves_as_much_as_was_seen() -> None:
    """Nothing seen is the usual rate; two thousand months outweigh it."""
    assert prior_rate(0, 0, usual=0.05) == pytest.approx(0.05)
    assert prior_rate(200, 2000, usual=0.05) == pytest.approx(0.0995, abs=1e-4)
    with pytest.raises(TableError):
        prior_rate(0, 0, usual=1.5)


def test_a_constant_answer_says_that_it_is_one() -> None:
    """Every customer gets it, nothing is given as a reason, and the rung is named."""
    model = constant_model(0.05, ("tenure_days",))
    table = FeatureTable.from_columns({"tenure_days": [1.0, 400.0]})

    assert model.probability(table).tolist() == pytest.approx([0.05, 0.05])
    assert model.reasons(table) == ()
    assert model.rung_name == "base rate (rung 0)"
