"""Splits keep the future out of the past and customers whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.split import DAY_US, Moments, SplitError, customer_folds, plan_moments, split_by_customer, split_by_time


def rows_of(moments: Moments, customers: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Every customer at every moment of the plan."""
    all_us = np.array(moments.all_us, dtype=np.int64)
    return np.repeat(all_us, customers), np.tile(np.arange(customers), all_us.size)


@given(st.integers(30, 1500), st.integers(7, 180))
def test_every_planned_window_is_observed_and_closed_before_the_next_part(observed: int, horizon: int) -> None:
    """Whatever the length of the history."""
    moments = plan_moments(0, observed * DAY_US, horizon_days=horizon)
    if moments is None:
        assert observed < horizon + 30
        return
    reach = horizon * DAY_US

    assert moments.validate_us + reach == observed * DAY_US
    assert min(moments.all_us) >= 30 * DAY_US
    if moments.calibrate_us is not None:
        assert moments.calibrate_us + reach <= moments.validate_us
        assert max(moments.train_us) + reach <= moments.calibrate_us
    elif moments.train_us:
        assert max(moments.train_us) + reach <= moments.validate_us


@given(st.integers(40, 900), st.integers(7, 120), st.integers(0, 5))
def test_parts_are_disjoint_and_purged_of_overlapping_windows(observed: int, horizon: int, seed: int) -> None:
    """Every row is in one part or counted as purged; a part that shares its moment shares no customer."""
    moments = plan_moments(0, observed * DAY_US, horizon_days=horizon)
    if moments is None:
        return
    as_of_us, customers = rows_of(moments)

    split = split_by_time(as_of_us, customers, moments=moments, rng=np.random.default_rng(seed))

    parts = [split.train, split.calibrate, split.validate]
    together = np.concatenate(parts)
    assert np.unique(together).size == together.size
    assert together.size + split.purged == as_of_us.size
    assert all(part.size for part in parts)
    if moments.calibrate_us is None:
        assert not np.intersect1d(customers[split.train], customers[split.calibrate]).size
    if moments.train_us:
        assert (as_of_us[split.train] + horizon * DAY_US <= as_of_us[split.validate].min()).all()
    else:
        assert not np.intersect1d(customers[split.train], customers[split.validate]).size


def test_rows_between_the_moments_are_purged() -> None:
    """A learning row whose window reaches into the validation moment is in no part."""
    moments = plan_moments(0, 400 * DAY_US, horizon_days=90)
    assert moments is not None
    as_of_us, customers = rows_of(moments)
    late = np.full(40, moments.validate_us - DAY_US)

    split = split_by_time(
        np.concatenate([as_of_us, late]),
        np.concatenate([customers, customers[:40]]),
        moments=moments,
        rng=np.random.default_rng(0),
    )

    assert split.purged == 40


def test_a_history_shorter_than_one_horizon_has_no_plan() -> None:
    """There is nothing that could be judged."""
    assert plan_moments(0, 100 * DAY_US, horizon_days=90) is None


@given(st.lists(st.integers(0, 20), min_size=10, max_size=200), st.integers(0, 100))
def test_customers_stay_whole(names: list[int], seed: int) -> None:
    """Drawn by customer, no customer is in two parts."""
    customers = np.array(names)

    split = split_by_customer(customers, rng=np.random.default_rng(seed))

    parts = [set(customers[part].tolist()) for part in (split.train, split.calibrate, split.validate)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert split.train.size + split.calibrate.size + split.validate.size == customers.size


def test_folds_judge_every_row_once_and_share_no_customer() -> None:
    """Five folds over customers with several rows."""
    customers = np.repeat(np.arange(23), 3)
    judged = []
    for train, test in customer_folds(customers, folds=5, rng=np.random.default_rng(0)):
        assert not np.intersect1d(customers[train], customers[test]).size
        judged.append(test)

    assert sorted(np.concatenate(judged).tolist()) == list(range(customers.size))


def test_what_cannot_be_parted_is_refused() -> None:
    """More folds than customers, or shares that leave nothing to judge by."""
    with pytest.raises(SplitError):
        list(customer_folds(np.array(["a", "a"]), folds=2, rng=np.random.default_rng(0)))
    with pytest.raises(SplitError):
        split_by_customer(np.array(["a", "b"]), rng=np.random.default_rng(0), shares=(0.7, 0.3))
