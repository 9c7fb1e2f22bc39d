"""Kaplan-Meier curves and concordance, with answers one can check by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.churn.survival import concordance, kaplan_meier
from models.tabular.labels import LabelInputError

# Freireich et al. 1963: weeks of remission under 6-MP, the textbook example of Kaplan-Meier; True where it ended.
REMISSION = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_the_textbook_curve_is_found_to_the_fourth_decimal() -> None:
    """Known answer: .8571 after 6 weeks, .8067 after 7, ... .4482 after 23, with a median of 23."""
    curve = kaplan_meier(np.array(REMISSION, dtype=float), np.array(ENDED, dtype=bool))

    np.testing.assert_allclose(curve.times, [6, 7, 10, 13, 16, 22, 23])
    np.testing.assert_allclose(curve.staying, [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], atol=5e-5)
    np.testing.assert_array_equal(curve.at_risk, [21, 17, 15, 12, 11, 7, 6])
    assert curve.median == 23.0
    assert curve.quantile(0.9) is None


def test_bounds_hold_the_curve_and_widen_as_fewer_are_left() -> None:
    """Greenwood on the log-log scale: inside [0, 1], around the estimate, wider at the end."""
    curve = kaplan_meier(np.array(REMISSION, dtype=float), np.array(ENDED, dtype=bool))

    low, high = curve.bounds()

    assert ((low >= 0) & (low <= curve.staying) & (curve.staying <= high) & (high <= 1)).all()
    assert high[-1] - low[-1] > high[0] - low[0]
    np.testing.assert_allclose([low[0], high[0]], [0.6197, 0.9516], atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=40))
def test_a_curve_only_falls_and_without_censoring_counts_who_is_left(rows: list[tuple[int, bool]]) -> None:
    """With every end seen, the share that stays beyond t is exactly the share of durations above t."""
    duration = np.array([each for each, _ in rows], dtype=float)
    curve = kaplan_meier(duration, np.array([ended for _, ended in rows]))
    whole = kaplan_meier(duration, np.ones(len(rows), dtype=bool))
    grid = np.arange(-1.0, 32.0)

    assert (np.diff(curve.at(grid)) <= 1e-12).all()
    assert (curve.at(grid) >= whole.at(grid) - 1e-12).all()
    np.testing.assert_allclose(whole.at(grid), [(duration > each).mean() for each in grid], atol=1e-12)


def test_from_now_on_forgets_what_was_survived() -> None:
    """With a constant hazard, a year stayed says nothing about the next month."""
    rng = np.random.default_rng(0)
    curve = kaplan_meier(rng.exponential(100, 40_000), np.ones(40_000, dtype=bool))

    found = curve.from_now(np.array([0.0, 50.0, 150.0]), 30.0)

    np.testing.assert_allclose(found, 1 - np.exp(-0.3), atol=0.015)


def test_nobody_left_is_a_curve_at_one() -> None:
    """No end, no fall, no median."""
    curve = kaplan_meier(np.array([3.0, 4.0]), np.zeros(2, dtype=bool))

    assert curve.at(np.array([1.0, 9.0])).tolist() == [1.0, 1.0]
    assert curve.median is None


def test_less_than_no_time_is_refused() -> None:
    """A negative duration is a mistake upstream."""
    with pytest.raises(LabelInputError, match="less than no time"):
        kaplan_meier(np.array([-1.0]), np.array([True]))


def test_concordance_counts_comparable_pairs_only() -> None:
    """Known answers: perfect, reversed, tied; nothing to compare is None."""
    duration, ended = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, False])

    assert concordance(duration, ended, np.array([4.0, 3.0, 2.0, 1.0])) == 1.0
    assert concordance(duration, ended, np.array([1.0, 2.0, 3.0, 4.0])) == 0.0
    assert concordance(duration, ended, np.ones(4)) == 0.5
    assert concordance(duration, np.zeros(4, dtype=bool), duration) is None
