"""Ranking metrics and their intervals: bounds, orders and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.metrics.interval import IntervalError, mean_interval, paired_difference
from models.metrics.ranking import hit_rate, ndcg, recall, reciprocal_rank, truncated_recall

_HITS = st.lists(st.booleans(), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(hits=_HITS, unfound=st.integers(0, 5))
def test_every_metric_is_a_share(hits: list[bool], unfound: int) -> None:
    """In [0, 1], zero without a hit, and recall never above its truncated form."""
    table, relevant = np.array([hits]), np.array([max(1, sum(hits) + unfound)])
    values = [float(metric(table, relevant)[0]) for metric in (recall, truncated_recall, ndcg)]

    assert all(0 <= value <= 1 + 1e-12 for value in values)
    assert (values[2] == 0) == (not any(hits))
    assert values[0] <= values[1]
    assert hit_rate(table)[0] == float(any(hits))


@settings(max_examples=100, deadline=None)
@given(hits=_HITS)
def test_moving_a_hit_up_never_hurts(hits: list[bool]) -> None:
    """Sorting hits to the front gives the ideal list: NDCG and reciprocal rank can only rise, recall stays."""
    table, relevant = np.array([hits]), np.array([max(1, sum(hits))])
    ideal = np.sort(table, axis=1)[:, ::-1]

    assert ndcg(ideal, relevant)[0] >= ndcg(table, relevant)[0] - 1e-12
    assert reciprocal_rank(ideal)[0] >= reciprocal_rank(table)[0]
    assert recall(ideal, relevant)[0] == recall(table, relevant)[0]
    if any(hits):
        assert ndcg(ideal, relevant)[0] == pytest.approx(1.0)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 200 samples with mean 0.3, the 95 % interval holds 0.3 in most, and not in all by being wide."""
    rng = np.random.default_rng(0)
    found = [mean_interval(rng.binomial(1, 0.3, 200).astype(np.float64), rng=rng, draws=200) for _ in range(200)]
    covered = np.mean([interval.low <= 0.3 <= interval.high for interval in found])

    assert 0.89 <= covered <= 0.99


def test_pairing_removes_what_both_share() -> None:
    """A constant gain over noisy customers is certain when paired."""
    rng = np.random.default_rng(0)
    base = rng.random(100)
    lead = paired_difference(base + 0.01, base, rng=rng)

    assert lead.above_zero
    assert lead.high - lead.low < 1e-9


def test_nothing_and_strangers_have_no_interval() -> None:
    """No values, or values of different customers, are errors."""
    rng = np.random.default_rng(0)

    with pytest.raises(IntervalError):
        mean_interval(np.zeros(0), rng=rng)
    with pytest.raises(IntervalError):
        paired_difference(np.zeros(2), np.zeros(3), rng=rng)
