"""Sums that are merged equal sums over all rows, and give what numpy gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.experiments.inference.sums import Cases, Pairs, Sums, ratio

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


@given(VALUES, st.integers(0, 40))
def test_merged_sums_equal_pooled_ones(values: list[float], cut: int) -> None:
    """However the rows are split over days or shards."""
    merged, pooled = Sums.of(values[:cut]) + Sums.of(values[cut:]), Sums.of(values)

    assert merged.n == pooled.n
    assert merged.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert merged.variance == pytest.approx(np.var(values, ddof=1), rel=1e-6, abs=1e-3)


def test_pairs_give_what_numpy_gives() -> None:
    """Variances, covariance and the ratio of sums."""
    rng = np.random.default_rng(3)
    x = rng.gamma(2.0, 3.0, 500)
    y = 2 * x + rng.normal(0, 1, 500)
    pairs = Pairs.of(y[:200].tolist(), x[:200].tolist()) + Pairs.of(y[200:].tolist(), x[200:].tolist())

    assert pairs.covariance == pytest.approx(np.cov(y, x)[0, 1])
    assert pairs.variance_y == pytest.approx(y.var(ddof=1))
    found = ratio(pairs)
    assert found is not None
    assert found.mean == pytest.approx(y.sum() / x.sum())
    drawn = [(y[take].sum() / x[take].sum()) for take in (rng.integers(0, 500, 500) for _ in range(2000))]
    assert found.variance / found.n == pytest.approx(np.var(drawn), rel=0.15)  # the bootstrap agrees


def test_a_ratio_over_nothing_is_none() -> None:
    """Not a zero."""
    assert ratio(Pairs(n=3, y=1, x=0, yy=1, xx=0, xy=0)) is None
    assert (Cases(0, 0) + Cases(0, 0)).mean == 0
