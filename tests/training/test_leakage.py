"""Leaks are planted one by one, and each is caught by its check; a clean run passes all."""

from __future__ import annotations

import numpy as np
import pytest

from models.churn.label import label_silence
from models.tabular.labels import DAY_US, Window
from models.tabular.table import Examples, FeatureTable
from tests.models.tabular.shops import logistic_shop
from training.leakage import (
    LeakError,
    check_customers_apart,
    check_feature_times,
    check_future_shift,
    check_not_constant,
    check_single_features,
    check_window_observed,
    check_windows_apart,
    require_clean,
)

AS_OF = 100 * DAY_US
WINDOW = Window.after(AS_OF, horizon_days=30)


def test_a_clean_run_passes_every_check() -> None:
    """Nothing is found, and the run goes on."""
    examples, truth = logistic_shop(500)
    findings = [
        check_feature_times(np.array([AS_OF - 1]), np.array([AS_OF]), as_of_us=AS_OF),
        check_window_observed(WINDOW, WINDOW.end_us),
        check_windows_apart(np.array([0]), np.array([AS_OF]), horizon_us=AS_OF),
        check_customers_apart(np.array(["a"]), np.array(["b"])),
        check_single_features(examples),
        check_future_shift(lambda _: examples.table, as_of_us=AS_OF),
        check_not_constant(truth),
    ]

    require_clean(findings)

    assert all(finding.passed for finding in findings)


def test_a_feature_that_ends_at_the_moment_is_a_leak() -> None:
    """Strictly before is the rule; so is a label that begins before."""
    late = check_feature_times(np.array([AS_OF]), np.array([AS_OF]), as_of_us=AS_OF)
    early = check_feature_times(np.array([0]), np.array([AS_OF - 1]), as_of_us=AS_OF)

    assert not late.passed
    assert late.facts == {"late": 1, "early": 0}
    assert not early.passed


def test_a_label_window_that_is_still_open_is_caught() -> None:
    """Also when only the allowance for late events is missing."""
    assert not check_window_observed(WINDOW, WINDOW.end_us - DAY_US).passed
    assert not check_window_observed(WINDOW, WINDOW.end_us, allowance_days=1).passed


def test_overlapping_snapshots_are_caught() -> None:
    """A learning window that reaches past the judged moment has seen the answer."""
    assert not check_windows_apart(np.array([AS_OF - 1]), np.array([AS_OF]), horizon_us=2).passed


def test_a_customer_on_both_sides_of_a_random_split_is_caught() -> None:
    """And counted."""
    found = check_customers_apart(np.array(["a", "b"]), np.array(["b", "c"]))

    assert not found.passed
    assert found.facts == {"customers": 1}


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_outcome_in_disguise_is_caught_and_named(sign: float) -> None:
    """A column that is filled in after the outcome tells it alone, in either direction."""
    examples, _ = logistic_shop(500)
    rng = np.random.default_rng(0)
    disguised = sign * (examples.label + rng.normal(0, 0.2, 500))
    table = FeatureTable(
        (*examples.table.columns, "cancel_reason"), np.column_stack([examples.table.values, disguised])
    )

    found = check_single_features(Examples(table, examples.label, examples.customers))

    assert not found.passed
    assert list(found.facts) == ["cancel_reason"]
    assert "cancel_reason" in found.explanation


def test_a_column_that_is_missing_only_for_one_outcome_is_caught() -> None:
    """The pattern of holes can be the leak."""
    examples, _ = logistic_shop(500)
    holes = np.where(examples.label, np.nan, 1.0)
    table = FeatureTable(("filled",), holes[:, None])

    assert not check_single_features(Examples(table, examples.label, examples.customers)).passed


def orders() -> tuple[np.ndarray, np.ndarray]:
    """Orders of two hundred customers over two hundred days."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 200, 600), rng.integers(0, 200, 600) * DAY_US


def recency(until_us: int | None, *, as_of_us: int | None) -> FeatureTable:
    """Days since the last order and number of orders; with a moment, as of it, else as of the last row (the classic mistake)."""
    customers, at_us = orders()
    if until_us is not None:
        customers, at_us = customers[at_us < until_us], at_us[at_us < until_us]
    moment = at_us.max() if as_of_us is None else as_of_us
    seen = at_us < moment
    last = np.full(200, -1, dtype=np.int64)
    np.maximum.at(last, customers[seen], at_us[seen])
    return FeatureTable.from_columns(
        {
            "days_since_last_order": (moment - last) / DAY_US,
            "orders": np.bincount(customers[seen], minlength=200),
        }
    )


def test_features_that_change_when_the_future_is_deleted_are_caught() -> None:
    """The right definition passes; the one that looks at the whole table is named."""
    right = check_future_shift(lambda until: recency(until, as_of_us=AS_OF), as_of_us=AS_OF)
    wrong = check_future_shift(lambda until: recency(until, as_of_us=None), as_of_us=AS_OF)

    assert right.passed
    assert not wrong.passed
    assert wrong.facts["columns"] == ["days_since_last_order", "orders"]


def test_churn_read_from_the_window_of_its_own_feature_is_caught() -> None:
    """The commonest public mistake: recency up to the end of the label window tells churn by itself."""
    customers, at_us = orders()
    labels = label_silence(customers, at_us, window=WINDOW, observed_until_us=200 * DAY_US)
    leaking = recency(None, as_of_us=WINDOW.end_us).take(labels.customers)

    found = check_single_features(Examples(leaking, labels.label, labels.customers))

    assert not found.passed
    assert "days_since_last_order" in found.facts


def test_a_constant_predictor_is_caught() -> None:
    """One score for all is not a model."""
    assert not check_not_constant(np.full(10, 0.5)).passed


def test_a_failed_check_fails_the_run_and_tells_all_failures() -> None:
    """One error with every sentence."""
    findings = [
        check_not_constant(np.full(10, 0.5)),
        check_customers_apart(np.array(["a"]), np.array(["a"])),
        check_window_observed(WINDOW, WINDOW.end_us),
    ]

    with pytest.raises(LeakError, match=r"same score.*both sides") as caught:
        require_clean(findings)

    assert caught.value.facts["checks"] == ["not_constant", "customers_apart"]
