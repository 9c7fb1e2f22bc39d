"""What offers earned beyond the holdout: known answers, what the past takes out, and no figure before it is fair to look."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.experiments.inference.contrast import NotComputable
from models.experiments.inference.sums import Pairs
from models.success.incremental import FEWEST_HELD_OUT, FEWEST_OFFERED, Incremental, TooEarly, estimate

MONTH = timedelta(days=30)
MINOR = st.lists(st.integers(-100_000, 1_000_000).map(float), min_size=60, max_size=120)


def _of(values: list[float], past: list[float] | None = None) -> Pairs:
    return Pairs.of(values, past or [0.0] * len(values))


def test_without_a_past_it_is_at_least_as_wide_as_welch() -> None:
    """The same centre as scipy's Welch test, and an interval that is never inside of its."""
    rng = np.random.default_rng(5)
    paid, kept = rng.normal(120, 30, 900), rng.normal(100, 30, 45)

    found = estimate(_of(paid.tolist()), _of(kept.tolist()), running=MONTH)

    assert isinstance(found, Incremental)
    welch = stats.ttest_ind(paid, kept, equal_var=False).confidence_interval()
    assert found.difference == pytest.approx(paid.mean() - kept.mean())
    assert found.low <= welch.low + 1e-9
    assert found.high >= welch.high - 1e-9


def test_a_past_that_tells_all_leaves_the_effect_alone() -> None:
    """Money that only repeats the past cancels; what the offers added stays, to the cent."""
    rng = np.random.default_rng(6)
    past = rng.integers(900, 4900, 700).astype(float)
    is_kept = np.arange(700) < 60
    y = past + np.where(is_kept, 0.0, 250.0) + rng.normal(0, 5, 700)

    found = estimate(
        _of(y[~is_kept].tolist(), past[~is_kept].tolist()),
        _of(y[is_kept].tolist(), past[is_kept].tolist()),
        running=MONTH,
    )

    assert isinstance(found, Incremental)
    assert found.low < 250 < found.high
    assert found.high - found.low < 10
    assert found.total == pytest.approx(found.difference * 640)
    assert found.mean_offered - found.mean_held_out == pytest.approx(found.difference)


@given(MINOR, MINOR, st.integers(-50_000, 50_000))
@settings(max_examples=40)
def test_paying_everybody_more_moves_the_difference_by_as_much(paid: list[float], kept: list[float], more: int) -> None:
    """The interval moves along and keeps its width."""
    before = estimate(_of(paid), _of(kept), running=MONTH)
    after = estimate(_of([value + more for value in paid]), _of(kept), running=MONTH)

    if isinstance(before, NotComputable):
        assert isinstance(after, NotComputable)
        return
    assert isinstance(before, Incremental)
    assert isinstance(after, Incremental)
    assert after.difference - before.difference == pytest.approx(more, abs=1e-3)
    assert after.high - after.low == pytest.approx(before.high - before.low, rel=1e-6, abs=1e-3)


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 30))
@settings(max_examples=60)
def test_figures_come_only_when_it_is_fair_to_look(offered: int, held_out: int, days: int) -> None:
    """A full week and the fewest customers of each arm; else a sentence."""
    rows = [[float(number % 7) for number in range(size)] for size in (offered, held_out)]
    found = estimate(_of(rows[0]), _of(rows[1]), running=timedelta(days=days))

    is_fair = days >= 7 and held_out >= FEWEST_HELD_OUT and offered >= FEWEST_OFFERED
    assert isinstance(found, TooEarly) is not is_fair
    if isinstance(found, TooEarly):
        assert found.reason.endswith(".")


def test_where_nothing_varies_there_is_no_figure() -> None:
    """Never a difference of nothing that would be certain."""
    assert isinstance(estimate(_of([5.0] * 90), _of([5.0] * 40), running=MONTH), NotComputable)
