"""The churn model speaks of the risk and of its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.churn.model import ChurnModel, fit_churn
from models.tabular.table import FeatureTable
from tests.models.tabular.shops import logistic_shop, thirds

if TYPE_CHECKING:
    from pathlib import Path


def test_a_long_silence_is_the_reason_and_is_said_in_words(tmp_path: Path) -> None:
    """Known answer: silence drives churn in this shop, and the model says so after being saved and loaded."""
    model, report = fit_churn(*thirds(logistic_shop(3000)[0]), rng=np.random.default_rng(0))
    model.save(tmp_path / "churn")
    row = FeatureTable.from_columns(
        {"days_since_last_order": [161.0], "orders_90d": [8.0], "spend_90d": [10.0], "noise": [10.0]}
    )

    found = ChurnModel.load(tmp_path / "churn").explain_one(row)

    assert found.reasons[0].text == "no order for 161 days"
    assert found.reasons[0].direction == "raises"
    assert found.probability > 0.7
    assert found.rung == report.chosen
    assert report.floor.rung.name == "recency rule"
