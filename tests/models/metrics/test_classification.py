"""Metrics of probabilities, with answers one can check by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from models.metrics.classification import (
    OneClassError,
    auc,
    calibration_floor,
    calibration_noise,
    describe,
    ece10,
    lift,
    log_loss,
    log_loss_lead,
    metric_lead,
    pr_auc,
)


def honest(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the very probabilities."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(1, 3, size=rows)
    return rng.random(rows) < probability, probability


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 60))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed: int, rows: int) -> None:
    """Against the definition, ties included."""
    rng = np.random.default_rng(seed)
    probability = rng.integers(1, 6, rows) / 7
    label = np.arange(rows) % 3 == 0

    found = auc(label, probability)

    above, below = probability[label][:, None], probability[~label][None, :]
    assert found == pytest.approx(float(((above > below) + 0.5 * (above == below)).mean()))


def test_the_true_probability_has_the_least_log_loss() -> None:
    """Moving away from the truth costs, in either direction."""
    label, probability = honest(20_000, seed=1)

    assert log_loss(label, probability) < log_loss(label, probability**0.8)
    assert log_loss(label, probability) < log_loss(label, probability**1.25)


def test_lift_does_not_depend_on_the_order_of_tied_rows() -> None:
    """A constant score lifts nothing, however the rows lie."""
    label = np.arange(100) < 20

    assert lift(label, np.full(100, 0.5)) == pytest.approx(1.0)
    assert lift(label[::-1], np.full(100, 0.5)) == pytest.approx(1.0)


def test_one_outcome_has_no_order() -> None:
    """The error says so instead of a number that means nothing."""
    with pytest.raises(OneClassError):
        auc(np.ones(3, dtype=bool), np.array([0.1, 0.2, 0.3]))


def test_honest_probabilities_stay_within_the_noise_and_dishonest_ones_do_not() -> None:
    """At 200 rows an honest model's ECE is several hundredths by chance; a shifted one is more."""
    rng = np.random.default_rng(2)
    label, probability = honest(200, seed=3)
    bound = calibration_noise(probability, rng=rng)

    assert 0.02 < bound < 0.12
    assert ece10(label, probability) <= bound
    assert ece10(label, np.clip(probability + 0.3, 0, 0.99)) > bound


def test_a_paired_lead_sees_a_small_but_sure_gain() -> None:
    """The truth beats a distorted copy of itself with certainty, and the reverse lead is its mirror image."""
    label, probability = honest(3000, seed=4)
    customers = np.arange(3000)

    lead = log_loss_lead(label, probability, probability**2, customers=customers, rng=np.random.default_rng(0))
    back = log_loss_lead(label, probability**2, probability, customers=customers, rng=np.random.default_rng(0))

    assert lead.above_zero
    assert back.mean == pytest.approx(-lead.mean)
    assert back.high == pytest.approx(-lead.low)


def test_rows_of_one_customer_are_drawn_together() -> None:
    """The same rows counted ten times over make no interval narrower when they are the same customers."""
    label, probability = honest(200, seed=5)
    flat = np.full(200, label.mean())
    once = log_loss_lead(label, probability, flat, customers=np.arange(200), rng=np.random.default_rng(0))

    tenfold = log_loss_lead(
        np.tile(label, 10),
        np.tile(probability, 10),
        np.tile(flat, 10),
        customers=np.tile(np.arange(200), 10),
        rng=np.random.default_rng(0),
    )

    assert tenfold.low == pytest.approx(once.low)
    assert tenfold.high == pytest.approx(once.high)


def test_intervals_hold_the_value_and_one_outcome_leaves_what_needs_no_order() -> None:
    """Every metric is described; without both outcomes only the three that need none."""
    label, probability = honest(400, seed=6)

    found = describe(label, probability, customers=np.arange(400), rng=np.random.default_rng(0), draws=50)
    none = describe(
        np.zeros(50, dtype=bool), probability[:50], customers=np.arange(50), rng=np.random.default_rng(0), draws=20
    )

    assert set(found) == {"auc", "pr_auc", "log_loss", "brier", "ece10", "lift_at_10_percent"}
    assert all(found[name].low <= found[name].mean <= found[name].high for name in ("auc", "log_loss", "brier"))
    assert set(none) == {"log_loss", "brier", "ece10"}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 80))
def test_order_metrics_agree_with_the_reference_library(seed: int, rows: int) -> None:
    """AUC and average precision are scikit-learn's, ties and all."""
    rng = np.random.default_rng(seed)
    probability = rng.integers(1, 8, rows) / 9
    label = rng.random(rows) < 0.4
    label[:2] = [True, False]

    assert auc(label, probability) == pytest.approx(roc_auc_score(label, probability))
    assert pr_auc(label, probability) == pytest.approx(average_precision_score(label, probability))


def test_a_metric_lead_is_paired_and_mirrored() -> None:
    """The truth against noise leads surely; the other way round it trails by as much."""
    label, probability = honest(800, seed=5)
    blind = np.random.default_rng(6).random(800)

    lead = metric_lead("auc", label, probability, blind, rng=np.random.default_rng(0))
    trail = metric_lead("auc", label, blind, probability, rng=np.random.default_rng(0))

    assert lead.above_zero
    assert trail.mean == pytest.approx(-lead.mean)
    assert trail.high == pytest.approx(-lead.low)


def test_the_calibration_floor_is_what_honesty_shows_by_chance() -> None:
    """Below the bound that honest samples stay under, above zero, and smaller in larger samples."""
    _, few = honest(200, seed=7)
    _, many = honest(5000, seed=7)
    floor = calibration_floor(few, rng=np.random.default_rng(0))

    assert 0 < calibration_floor(many, rng=np.random.default_rng(0)) < floor
    assert floor < calibration_noise(few, rng=np.random.default_rng(0))
