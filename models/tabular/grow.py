"""How many trees: boosted on inner folds with an eye on rows left out, as far as their mean log loss still falls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lightgbm
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.boosted import BoostedSettings
    from models.tabular.table import Examples, Floats

FEWEST_TREES = 20
_PATIENCE = 60


def grow_trees(examples: Examples, fold: NDArray[np.int64], most: BoostedSettings, *, seed: int) -> tuple[int, Floats]:
    """The number of trees for all rows (at most `most.trees`), and the log-odds of each row by the boosters that had not seen it.

    Every fold stops when its left-out loss has not fallen for a while; the number is where the mean of the folds' losses is least, so the
    unseen scores were not stopped by their own fold's luck.
    """
    folds = int(fold.max()) + 1
    boosters, curves = [], []
    for number in range(folds):
        booster, curve = _grown(examples.take(fold != number), examples.take(fold == number), most, seed)
        boosters.append(booster)
        curves.append(curve)
    shortest = min(curve.size for curve in curves)
    mean = np.mean([curve[:shortest] for curve in curves], axis=0)
    count = max(int(mean.argmin()) + 1, min(FEWEST_TREES, shortest))
    unseen = np.empty(len(examples))
    for number, booster in enumerate(boosters):
        here = fold == number
        values = examples.table.values[here]
        unseen[here] = booster.predict(values, raw_score=True, num_iteration=count, num_threads=1)
    return min(most.trees, round(count * _more_rows(folds))), unseen


def _grown(
    train: Examples, left_out: Examples, most: BoostedSettings, seed: int
) -> tuple[lightgbm.Booster, NDArray[np.float64]]:
    """The booster, and the log loss of the rows left out after each tree."""
    found: dict[str, dict[str, list[float]]] = {}
    data = lightgbm.Dataset(train.table.values, label=train.label.astype(np.float64))
    judged = data.create_valid(left_out.table.values, label=left_out.label.astype(np.float64))
    booster = lightgbm.train(
        {**most.parameters(len(train), seed), "metric": "binary_logloss"},
        data,
        num_boost_round=most.trees,
        valid_sets=[judged],
        valid_names=["out"],
        callbacks=[lightgbm.record_evaluation(found), lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )
    return booster, np.asarray(found["out"]["binary_logloss"])


def _more_rows(folds: int) -> float:
    """All rows carry a few more trees than a fold's share did, by the square root of the ratio."""
    return float(np.sqrt(folds / (folds - 1)))
