"""Calibration: promised rates are found rates."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.metrics.classification import ece10
from models.tabular.calibrate import ISOTONIC, NONE, SIGMOID, Calibrator, fit_calibrator


def overconfident(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that are twice as sure as they may be."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=rows)
    label = rng.random(rows) < 1 / (1 + np.exp(-score))
    return label, 1 / (1 + np.exp(-2 * score))


def test_a_sigmoid_undoes_overconfidence() -> None:
    """Known answer: the slope is one half and the intercept zero."""
    label, probability = overconfident(1800, seed=1)

    found = fit_calibrator(label, probability)

    assert found.kind == SIGMOID
    np.testing.assert_allclose(found.knots_y, [0.5, 0.0], atol=0.12)


def test_many_cases_are_calibrated_by_steps() -> None:
    """From a thousand cases on, isotonic, and honest on rows it has not seen."""
    found = fit_calibrator(*overconfident(6000, seed=2))
    label, probability = overconfident(6000, seed=3)

    assert found.kind == ISOTONIC
    assert ece10(label, found.apply(probability)) < 0.03 < ece10(label, probability)


def test_too_few_cases_leave_scores_alone() -> None:
    """Nine cases teach nothing."""
    label = np.arange(500) < 9
    probability = np.linspace(0.1, 0.9, 500)

    found = fit_calibrator(label, probability)

    assert found.kind == NONE
    np.testing.assert_array_equal(found.apply(probability), probability)


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 3000), st.integers(0, 50))
def test_calibration_never_swaps_two_customers(rows: int, seed: int) -> None:
    """A higher score stays at least as high."""
    found = fit_calibrator(*overconfident(rows, seed))

    calibrated = found.apply(np.linspace(0, 1, 201))

    assert (np.diff(calibrated) >= 0).all()
    assert ((calibrated > 0) & (calibrated < 1)).all()


def test_a_calibrator_survives_being_taken_apart() -> None:
    """What is saved calibrates as what was fitted."""
    found = fit_calibrator(*overconfident(4000, seed=4))

    restored = Calibrator.from_parts(*found.parts())

    grid = np.linspace(0, 1, 50)
    np.testing.assert_array_equal(restored.apply(grid), found.apply(grid))
