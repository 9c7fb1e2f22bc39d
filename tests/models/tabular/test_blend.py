"""Rung 4, and what it is made of: encodings that do not leak, inner choices, and a fit at one go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.metrics.classification import auc, log_loss
from models.tabular.blend import TREES, Blend, BlendConfig, fit_blend
from models.tabular.boosted import BoostedSettings, fit_boosted
from models.tabular.categories import NO_CATEGORIES, fit_categories
from models.tabular.design import fit_design
from models.tabular.fit import fit_tabular
from models.tabular.grow import grow_trees
from models.tabular.model import TabularModel
from models.tabular.table import Examples, FeatureTable, TableError
from tests.models.tabular.shops import logistic_shop

QUICK = BlendConfig(
    folds=3, penalties=(0.1,), trees=tuple(replace(one, trees=120, bags=1) for one in list(TREES.values())[:2])
)


def mixed_shop(rows: int, seed: int = 0) -> tuple[Examples, np.ndarray]:
    """A column of three levels, a bent column and an interaction; and the true probabilities."""
    rng = np.random.default_rng(seed)
    level, bent, other = rng.integers(0, 3, rows), rng.normal(size=rows), rng.normal(size=rows)
    score = np.array([1.5, -1.5, 0.0])[level] + 1.5 * np.abs(bent) - 1.8 + 1.2 * (level == 2) * other
    truth = 1 / (1 + np.exp(-score))
    table = FeatureTable.from_columns({"level": level, "bent": bent, "other": other})
    return Examples(table, rng.random(rows) < truth, np.arange(rows).astype(str)), truth


def test_the_blend_comes_near_a_truth_that_no_straight_line_can_tell() -> None:
    """On new rows: within two hundredths of the true probabilities' AUC, and no worse in log loss than any member alone."""
    model = fit_tabular(mixed_shop(2500)[0], categorical=("level",), config=QUICK)
    fresh, truth = mixed_shop(4000, seed=1)

    found = model.probability(fresh.table)

    assert isinstance(model.rung, Blend)
    assert auc(fresh.label, found) > auc(fresh.label, truth) - 0.02
    values = model.categories.transform(fresh.table.values)
    alone = [log_loss(fresh.label, member.probability(values)) for member in model.rung.members]
    assert log_loss(fresh.label, found) < min(alone) + 0.002


def test_a_model_with_categories_is_saved_whole(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Scores and reasons are the same after reading; an unknown level is a missing value, not an error."""
    examples = mixed_shop(600)[0]
    model = fit_tabular(examples, categorical=("level",), config=QUICK)
    folder = tmp_path_factory.mktemp("blend") / "m"
    model.save(folder)
    strange = FeatureTable.from_columns({"level": [7.0, np.nan], "bent": [0.0, 9.0], "other": [np.nan, 0.0]})

    restored = TabularModel.load(folder)

    np.testing.assert_array_equal(restored.probability(examples.table), model.probability(examples.table))
    np.testing.assert_array_equal(restored.probability(strange), model.probability(strange))
    assert restored.reasons(examples.table) == model.reasons(examples.table)


def test_a_column_of_random_names_teaches_nothing() -> None:
    """Cross-fitted: a row's own outcome does not shine through a level that it nearly has to itself, as it does through plain rates."""
    rng = np.random.default_rng(0)
    label = rng.random(2000) < 0.3
    names = FeatureTable.from_columns({"name": np.repeat(np.arange(1000), 2)})
    examples = Examples(names, label, np.arange(2000).astype(str))

    categories, encoded = fit_categories(examples, ("name",), rng=rng)

    plain = categories.transform(examples.table.values)[:, 0]
    assert auc(label, plain) > 0.85
    honest = encoded.table.column("name")
    assert auc(label, np.where(np.isnan(honest), 0.0, honest)) < 0.55


def test_levels_stand_for_their_smoothed_rates() -> None:
    """Known answer: a level seen once is drawn to the overall rate, a level seen often is not."""
    column = np.array([0.0] * 500 + [1.0] * 500 + [2.0])
    label = np.array([True] * 400 + [False] * 100 + [True] * 100 + [False] * 400 + [True])
    table = FeatureTable.from_columns({"level": column})

    categories, encoded = fit_categories(
        Examples(table, label, column.astype(str)), ("level",), rng=np.random.default_rng(0)
    )

    often, seldom, once = categories.scores.tolist()
    assert often == pytest.approx(1.33, abs=0.05)
    assert seldom == pytest.approx(-1.33, abs=0.05)
    assert 0 < once < 0.2
    assert np.isnan(categories.transform(np.array([[9.0]]))[0, 0])
    np.testing.assert_array_equal(encoded.table.values, categories.transform(table.values))
    assert NO_CATEGORIES.transform(table.values) is table.values


def test_hinges_bend_and_missing_values_are_typical() -> None:
    """Terms are standardised, belong to their columns, and say nothing of a value that is not there but its flag."""
    rng = np.random.default_rng(1)
    values = np.column_stack([rng.normal(size=400), rng.integers(0, 4, 400), np.ones(400)])
    values[:50, 0] = np.nan
    design = fit_design(values)

    terms = design.transform(values)

    np.testing.assert_allclose(terms[50:].std(axis=0)[terms[50:].std(axis=0) > 1e-9].min(), 1.0, atol=0.1)
    hidden = design.transform(np.array([[np.nan, np.nan, np.nan]]))
    assert np.count_nonzero(hidden) == 1
    np.testing.assert_allclose(design.to_columns(terms).sum(axis=1), terms.sum(axis=1), atol=1e-9)


def test_trees_are_grown_as_far_as_unseen_rows_gain() -> None:
    """Noise asks for few, a learnable shop for more; the unseen scores were made without the row."""
    examples = mixed_shop(800)[0]
    noise = Examples(examples.table, np.random.default_rng(3).permutation(examples.label), examples.customers)
    fold = np.arange(800) % 3
    most = BoostedSettings(trees=200, rate=0.1)

    few, blind = grow_trees(noise, fold, most, seed=0)
    many, unseen = grow_trees(examples, fold, most, seed=0)

    assert few < many <= 200
    assert 0.4 < auc(noise.label, blind) < 0.6
    assert auc(examples.label, unseen) > 0.75


def test_bags_are_the_mean_of_boosters() -> None:
    """Each bag is what its seed alone would give."""
    examples = logistic_shop(300)[0]
    settings = BoostedSettings(trees=20, rows=0.7, bags=2)

    both = fit_boosted(examples, settings=settings)
    alone = [fit_boosted(examples, settings=replace(settings, bags=1), seed=seed) for seed in (0, 1)]

    values = examples.table.values
    np.testing.assert_allclose(both.score(values), (alone[0].score(values) + alone[1].score(values)) / 2, atol=1e-12)


def test_too_few_cases_choose_nothing() -> None:
    """The blend refuses; a fit at one go takes a lower rung and says which."""
    examples = logistic_shop(200)[0]
    label = np.zeros(200, dtype=bool)
    label[:2] = True
    rare = Examples(examples.table, label, examples.customers)

    with pytest.raises(TableError, match="inner fold"):
        fit_blend(rare, config=QUICK)
    assert fit_tabular(rare).rung_name == "base rate (rung 0)"
    label[:30] = True
    assert fit_tabular(Examples(examples.table, label, examples.customers)).rung.number == 2
