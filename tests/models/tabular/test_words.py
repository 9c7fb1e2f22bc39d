"""Tables, reasons and phrases."""

from __future__ import annotations

import numpy as np
import pytest

from features.catalog import FEATURE_SETS
from models.tabular.explained import ExplainedModel
from models.tabular.ladder import LadderConfig, fit_ladder
from models.tabular.phrases import describe_feature
from models.tabular.table import Examples, FeatureTable, TableError
from tests.models.tabular.shops import logistic_shop, thirds


@pytest.mark.parametrize(
    ("feature", "value", "words"),
    [
        ("days_since_last_order", 61, "no order for 61 days"),
        ("days_since_last_order", 0, "ordered today"),
        ("orders_30d", 0, "no order in the last 30 days"),
        ("days_since_last_order", 3650, "never ordered"),
        ("mean_order_gap_days", 3650, "has not ordered twice"),
        ("usage_active_days_7d", 3, "active on 3 of the last 7 days"),
        ("order_trend_90d_365d", 0.4, "orders less than before"),
        ("usage_trend_7d_30d", 0, "no longer uses it"),
        ("plan_rank", 2, "the present plan"),
        ("loyalty_points", 12.5, "loyalty points 12.5"),
    ],
)
def test_features_are_told_in_plain_words(feature: str, value: float, words: str) -> None:
    """A shopkeeper reads them without a glossary."""
    assert describe_feature(feature, value) == words


@pytest.mark.parametrize("feature", sorted({*FEATURE_SETS["churn"], *FEATURE_SETS["propensity"]}))
def test_every_feature_of_the_catalogue_has_words(feature: str) -> None:
    """No customer page shows a column name."""
    told = describe_feature(feature, 2.0)

    assert feature.replace("_", " ") not in told
    assert "{" not in told


def test_every_score_is_explained_with_its_own_values() -> None:
    """Reasons come with words, at most as many as asked for."""
    examples, _ = logistic_shop(2000)
    model, _ = fit_ladder(*thirds(examples), config=LadderConfig(), rng=np.random.default_rng(0))
    explained = ExplainedModel(model)

    found = explained.explain(examples.table.take(np.arange(5)), top=2)

    assert len(found) == 5
    assert all(len(score.reasons) == 2 for score in found)
    assert explained.explain_one(examples.table.take(np.array([3])), top=2) == found[3]


def test_one_score_is_asked_of_one_row() -> None:
    """Two rows are a mistake, not two scores."""
    examples, _ = logistic_shop(100)
    model, _ = fit_ladder(*thirds(examples), config=LadderConfig(), rng=np.random.default_rng(0))

    with pytest.raises(TableError, match="one row"):
        ExplainedModel(model).explain_one(examples.table.take(np.arange(2)))


@pytest.mark.parametrize(
    ("columns", "values", "words"),
    [
        (("a",), np.zeros((2, 2)), "one value a column"),
        (("a", "a"), np.zeros((2, 2)), "must differ"),
        (("a", "b"), np.array([[1.0, np.inf]]), "infinite"),
    ],
)
def test_a_table_that_means_nothing_is_refused(columns: tuple[str, ...], values: np.ndarray, words: str) -> None:
    """Wrong shapes, doubled names and infinities are named."""
    with pytest.raises(TableError, match=words):
        FeatureTable(columns, values)


def test_labels_must_be_true_or_false_and_as_many_as_rows() -> None:
    """A column of numbers is no label."""
    table = FeatureTable(("a",), np.zeros((2, 1)))

    with pytest.raises(TableError, match="true or false"):
        Examples(table, np.array([0, 1]), np.array(["a", "b"]))  # type: ignore[arg-type]
    with pytest.raises(TableError, match="equally many"):
        Examples(table, np.array([True]), np.array(["a", "b"]))
