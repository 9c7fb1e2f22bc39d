"""Months ahead: stacking by hand, forecasts of known hazards, and a truth that is found again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from models.churn.hazard import PERIOD_DAYS, HazardModel, Landmarks, ahead_table, fit_hazard, leaving_day, stack_periods
from models.tabular.labels import DAY_US, NEVER_US
from models.tabular.ladder import LadderConfig
from models.tabular.prior import constant_model
from models.tabular.table import FeatureTable

MONTH_US = PERIOD_DAYS * DAY_US


def shop(customers: int, seed: int = 0) -> tuple[Landmarks, np.ndarray]:
    """Customers at one landmark whose monthly hazard is written in a column, seen for eight months; and the hazards."""
    rng = np.random.default_rng(seed)
    trouble = rng.normal(size=customers)
    hazard = 1 / (1 + np.exp(-(-2.6 + 0.9 * trouble)))
    months = rng.geometric(hazard)
    left_us = ((months - rng.random(customers)) * MONTH_US).astype(np.int64)
    seen_us = 8 * MONTH_US
    table = FeatureTable.from_columns({"tenure_days": rng.integers(0, 700, customers), "trouble": trouble})
    names = np.array([f"c{number}" for number in range(customers)])
    left = np.where(left_us < seen_us, left_us, NEVER_US)
    marks = Landmarks(
        table=table, customers=names, as_of_us=np.zeros(customers, np.int64), left_us=left, seen_until_us=seen_us
    )
    return marks, hazard


def test_a_month_is_a_row_while_it_was_begun_and_wholly_seen() -> None:
    """By hand: one left in the second month, one after the third was seen in part, one stays."""
    marks = Landmarks(
        table=FeatureTable.from_columns({"tenure_days": [10, 20, 30]}),
        customers=np.array(["a", "b", "c"]),
        as_of_us=np.zeros(3, dtype=np.int64),
        left_us=np.array([45 * DAY_US, 80 * DAY_US, NEVER_US]),
        seen_until_us=75 * DAY_US,
    )

    found, place = stack_periods(marks)

    rows = list(
        zip(found.customers.tolist(), found.table.column("periods_ahead").tolist(), found.label.tolist(), strict=True)
    )
    assert rows == [
        ("a", 0, False), ("b", 0, False), ("c", 0, False), ("a", 1, True), ("b", 1, False), ("c", 1, False),
    ]  # fmt: skip
    assert found.table.column("tenure_then_days").tolist() == [10, 20, 30, 40, 50, 60]
    assert place.tolist() == [0, 1, 2, 0, 1, 2]


def test_a_constant_hazard_forecasts_a_geometric_stay() -> None:
    """Known answer: with one in ten leaving a month, half have left after ln .5 / ln .9 = 6.6 months, and never 90 % within a year."""
    model = HazardModel(constant_model(0.1, ("tenure_days", "periods_ahead", "tenure_then_days")))

    found = model.forecast(FeatureTable.from_columns({"tenure_days": [100.0]}))[0]

    np.testing.assert_allclose(found.leaving, 1 - 0.9 ** np.arange(1, 13), atol=1e-9)
    assert found.expected_days == pytest.approx(30 * np.log(0.5) / np.log(0.9), abs=1.0)
    assert found.low_days == pytest.approx(30 * np.log(0.75) / np.log(0.9), abs=1.0)
    assert found.high_days is None
    assert found.to_document()["leaving_within_days"] == {"30": 0.1, "90": 0.271, "180": 0.4686, "360": 0.7176}


def test_what_lies_beyond_the_months_ahead_is_none() -> None:
    """A loyal customer's day is not made up."""
    assert np.isnan(leaving_day(np.array([[0.01, 0.02]]), 0.5)).all()


def test_a_known_truth_is_found_again() -> None:
    """Hazards are ordered as in truth and level: the share that leaves within six months is what was promised."""
    marks, _ = shop(2500)
    examples, place = stack_periods(marks)
    third = place % 5
    parts = [examples.take(rows) for rows in (third < 3, third == 3, third == 4)]
    model, report = fit_hazard(*parts, rng=np.random.default_rng(0), config=LadderConfig(blend=None))

    fresh, true_hazard = shop(2000, seed=1)
    leaving = np.array([one.leaving for one in model.forecast(fresh.table)])

    assert report.number >= 2
    assert any(result.name == "tenure table" for result in report.results)
    assert spearmanr(leaving[:, 5], true_hazard).statistic > 0.95
    assert leaving[:, 5].mean() == pytest.approx((1 - (1 - true_hazard) ** 6).mean(), abs=0.03)
    assert (np.diff(leaving, axis=1) > 0).all()


def test_the_coming_months_are_the_models_own_columns() -> None:
    """A caller gives what is known now."""
    table = FeatureTable.from_columns({"tenure_days": [5.0], "trouble": [0.0]})

    assert ahead_table(table, 2).values.tolist() == [[5.0, 0.0, 2.0, 65.0]]
