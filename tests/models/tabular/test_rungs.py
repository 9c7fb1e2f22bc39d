"""One conformance suite for every rung of the ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.tabular.base_rate import fit_base_rate
from models.tabular.bent_logistic import fit_bent_logistic
from models.tabular.blend import BlendConfig, fit_blend
from models.tabular.boosted import BoostedSettings, fit_boosted
from models.tabular.contract import log_odds
from models.tabular.logistic import fit_logistic
from models.tabular.model import RUNGS
from models.tabular.recency_rule import fit_recency_rule
from models.tabular.silence import COLUMNS, fit_silence
from models.tabular.table import Examples, FeatureTable
from models.tabular.tenure_table import fit_tenure_table
from tests.models.tabular.shops import logistic_shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.tabular.contract import Rung

QUICK = BlendConfig(folds=2, penalties=(0.1,), trees=(BoostedSettings(trees=60, rows=0.7, bags=2),))
FITS: dict[str, Callable[[Examples], Rung]] = {
    "base rate": fit_base_rate,
    "recency rule": lambda examples: fit_recency_rule(examples, "days_since_last_order"),
    "rhythm of orders": lambda examples: _given(fit_silence(_as_orders(examples), horizon_days=60)),
    "tenure table": lambda examples: _given(fit_tenure_table(examples, "days_since_last_order")),
    "logistic regression": fit_logistic,
    "bent logistic regression": fit_bent_logistic,
    "boosted trees": fit_boosted,
    "tuned blend": lambda examples: fit_blend(examples, config=QUICK),
}


def _as_orders(examples: Examples) -> Examples:
    """The same rows with three columns under the names that the closed form reads."""
    return Examples(FeatureTable((*COLUMNS, "noise"), examples.table.values), examples.label, examples.customers)


def _given(rung: Rung | None) -> Rung:
    assert rung is not None
    return rung


def with_holes(examples: Examples) -> Examples:
    """The same rows with one value in seven missing."""
    values = examples.table.values.copy()
    values.flat[::7] = np.nan
    return Examples(FeatureTable(examples.table.columns, values), examples.label, examples.customers)


@pytest.fixture(scope="module", params=list(FITS))
def fitted(request: pytest.FixtureRequest) -> tuple[Rung, Examples]:
    """A rung fitted on rows with missing values, and the rows."""
    examples = with_holes(logistic_shop(600)[0])
    return FITS[request.param](examples), examples


def test_probabilities_lie_strictly_between_0_and_1(fitted: tuple[Rung, Examples]) -> None:
    """Even for values far outside of the training rows, and for rows of nothing but missing values."""
    rung, examples = fitted
    strange = np.array([[1e12] * 4, [-1e12] * 4, [np.nan] * 4])

    found = rung.probability(np.vstack([examples.table.values, strange]))

    assert np.isfinite(found).all()
    assert ((found > 0) & (found < 1)).all()


def test_base_and_contributions_add_up_to_the_log_odds(fitted: tuple[Rung, Examples]) -> None:
    """Reasons are exact, not approximate."""
    rung, examples = fitted
    values = examples.table.values[:50]

    total = rung.base + rung.contributions(values).sum(axis=1)

    np.testing.assert_allclose(total, log_odds(rung.probability(values)), atol=1e-9)


def test_a_row_alone_scores_as_it_does_among_others(fitted: tuple[Rung, Examples]) -> None:
    """Offline and online scores agree to the bit."""
    rung, examples = fitted
    values = examples.table.values[:20]

    alone = np.array([rung.probability(values[row : row + 1])[0] for row in range(20)])

    np.testing.assert_array_equal(alone, rung.probability(values))


def test_parts_restore_an_equal_rung(fitted: tuple[Rung, Examples]) -> None:
    """What is saved scores to the bit as what was fitted."""
    rung, examples = fitted

    restored = RUNGS[rung.name].from_parts(*rung.parts())

    np.testing.assert_array_equal(restored.probability(examples.table.values), rung.probability(examples.table.values))
    assert restored.base == rung.base


def test_fitting_twice_gives_the_same_rung(fitted: tuple[Rung, Examples]) -> None:
    """A fit is a function of its rows."""
    rung, examples = fitted

    again = FITS[rung.name](examples)

    np.testing.assert_array_equal(again.probability(examples.table.values), rung.probability(examples.table.values))


def test_a_monotone_change_of_units_leaves_the_logistic_rung_where_it_was() -> None:
    """Inputs go by rank, so money in cents or in logarithms is the same money."""
    examples, _ = logistic_shop(180)
    cubed = Examples(FeatureTable(examples.table.columns, examples.table.values**3), examples.label, examples.customers)

    plain = fit_logistic(examples).probability(examples.table.values)

    np.testing.assert_allclose(fit_logistic(cubed).probability(cubed.table.values), plain, atol=1e-6)


def test_a_few_hundred_rows_do_not_make_boosted_trees_constant() -> None:
    """The least rows of a leaf shrink with the data, or a small shop would get one score for all."""
    examples, _ = logistic_shop(100)

    assert np.unique(fit_boosted(examples).probability(examples.table.values)).size > 10


def test_the_recency_rule_finds_the_rate_of_each_fifth() -> None:
    """Known answer: the outcome happens exactly where the column is in its upper two fifths."""
    days = np.arange(1000.0)
    examples = Examples(FeatureTable(("days",), days[:, None]), days >= 600, np.arange(1000))

    found = fit_recency_rule(examples, "days").probability(np.array([[100.0], [900.0], [np.nan]]))

    assert found[0] < 0.05
    assert found[1] > 0.93
    assert 0.3 < found[2] < 0.5
