"""Who is in which arm: even shares, independent experiments, and nobody who is enrolled moves when coverage grows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.experiments.assign import NOT_IN, AllocationError, arm_at, assign, ranges
from models.experiments.hashing import fraction

UNITS = [f"cus_{number:05d}" for number in range(4_000)]


def test_shares_are_as_weighted() -> None:
    """By a chi-squared test over four thousand customers with sequential keys."""
    allocation = ranges(3, weights=[0.2, 0.3, 0.5])
    seen = np.bincount([assign("offer-text", unit, allocation) for unit in UNITS], minlength=3)

    assert stats.chisquare(seen, np.array([0.2, 0.3, 0.5]) * len(UNITS)).pvalue > 0.001


def test_experiments_with_similar_names_assign_independently() -> None:
    """Ten names that differ in a digit: no pair of them is dependent beyond chance, corrected for the pairs."""
    arms = {
        name: np.array([fraction(name, unit) < 0.5 for unit in UNITS]) for name in (f"exp-{k:02d}" for k in range(10))
    }
    p_values = [
        stats.chi2_contingency(
            [
                [(arms[a] & arms[b]).sum(), (arms[a] & ~arms[b]).sum()],
                [(~arms[a] & arms[b]).sum(), (~arms[a] & ~arms[b]).sum()],
            ]
        ).pvalue
        for a, b in combinations(arms, 2)
    ]

    assert min(p_values) > 0.001 / len(p_values)


@given(st.text(max_size=20), st.floats(0, 1), st.floats(0, 1), st.integers(2, 5))
def test_more_coverage_moves_nobody_who_is_enrolled(unit: str, some: float, more: float, arms: int) -> None:
    """Whoever had an arm at the lower coverage has the same at the higher."""
    low, high = sorted((some, more))
    before, after = assign("s", unit, ranges(arms, low)), assign("s", unit, ranges(arms, high))

    assert before in {NOT_IN, after}


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.floats(0, 1, exclude_max=True))
def test_full_coverage_leaves_nobody_out(weights: list[float], place: float) -> None:
    """Every place belongs to exactly one arm; rounding of weights leaves at most the very end."""
    shares = [weight / sum(weights) for weight in weights]
    allocation = ranges(len(shares), weights=shares)

    assert sum(start <= place < end for start, end in allocation) == 1 or place > 1 - 1e-6
    assert arm_at(place, allocation) != NOT_IN or place > 1 - 1e-6


@pytest.mark.parametrize(("weights", "coverage"), [([0.5, 0.6], 1), ([1.5, -0.5], 1), ([1.0], 1), ([0.5, 0.5], 1.2)])
def test_an_allocation_without_sense_is_refused(weights: list[float], coverage: float) -> None:
    """With the weights in the sentence."""
    with pytest.raises(AllocationError):
        ranges(2, coverage, weights)
