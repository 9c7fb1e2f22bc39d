"""Columns of categories made numbers: each level stands for its smoothed log-odds of the outcome, less those of all rows.

A level's rate is drawn to the overall one by `PRIOR_ROWS` imagined rows, so a level seen once says almost nothing. With many levels a
training row's own outcome would shine through its rate; such columns are encoded for training by the rates of other rows (cross-fitting,
Micci-Barreca 2001; Prokhorenkova et al. 2018). Levels that training has not seen are missing values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.tabular.contract import log_odds, rate_log_odds, smoothed_rate
from models.tabular.table import Examples, FeatureTable

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from models.tabular.contract import Arrays
    from models.tabular.table import Flags, Floats

PRIOR_ROWS = 20
FEW_LEVELS = 16
_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """`places` are the encoded columns; the levels of the k-th lie from `starts[k]` to `starts[k + 1]`, sorted, beside their scores."""

    places: NDArray[np.int64]
    starts: NDArray[np.int64]
    levels: Floats
    scores: Floats

    def transform(self, values: Floats) -> Floats:
        """Shape as given, the categories' columns as scores; a level never seen becomes NaN. Without categories, the values themselves."""
        if not self.places.size:
            return values
        found = values.copy()
        for number, place in enumerate(self.places.tolist()):
            part = slice(int(self.starts[number]), int(self.starts[number + 1]))
            found[:, place] = _look_up(values[:, place], self.levels[part], self.scores[part])
        return found

    def arrays(self) -> Arrays:
        """What `from_arrays` needs."""
        return {"places": self.places, "starts": self.starts, "levels": self.levels, "scores": self.scores}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Categories:
        """The encoder that `arrays` took apart."""
        return cls(arrays["places"], arrays["starts"], arrays["levels"], arrays["scores"])


NO_CATEGORIES = Categories(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0), np.zeros(0))


def fit_categories(
    examples: Examples, names: Collection[str], *, rng: np.random.Generator
) -> tuple[Categories, Examples]:
    """The encoder of the named columns (level numbers, NaN for none), and the examples encoded for training."""
    places = [place for place, name in enumerate(examples.table.columns) if name in names]
    if not places:
        return NO_CATEGORIES, examples
    fold = rng.permutation(len(examples)) % _FOLDS
    encoded = examples.table.values.copy()
    tables = []
    for place in places:
        column = examples.table.values[:, place]
        levels, scores = _level_scores(column, examples.label)
        tables.append((levels, scores))
        if levels.size <= FEW_LEVELS:
            encoded[:, place] = _look_up(column, levels, scores)
            continue
        for number in range(_FOLDS):
            here = fold == number
            encoded[here, place] = _look_up(column[here], *_level_scores(column[~here], examples.label[~here]))
    categories = Categories(
        places=np.asarray(places, dtype=np.int64),
        starts=np.cumsum([0, *(levels.size for levels, _ in tables)]).astype(np.int64),
        levels=np.concatenate([levels for levels, _ in tables]),
        scores=np.concatenate([scores for _, scores in tables]),
    )
    table = FeatureTable(examples.table.columns, encoded)
    return categories, Examples(table, examples.label, examples.customers)


def _level_scores(column: Floats, label: Flags) -> tuple[Floats, Floats]:
    """The levels of a column, sorted, and the smoothed log-odds of each over those of all rows."""
    known = ~np.isnan(column)
    overall = smoothed_rate(label)
    levels, code = np.unique(column[known], return_inverse=True)
    rows = np.bincount(code, minlength=levels.size)
    hits = np.bincount(code, weights=label[known], minlength=levels.size)
    rates = (hits + PRIOR_ROWS * overall) / (rows + PRIOR_ROWS)
    return levels, log_odds(rates) - rate_log_odds(overall)


def _look_up(column: Floats, levels: Floats, scores: Floats) -> Floats:
    """The score of each value; NaN for a value that is no level."""
    if not levels.size:
        return np.full(column.shape, np.nan)
    place = np.searchsorted(levels, column).clip(0, levels.size - 1)
    return np.where(levels[place] == column, scores[place], np.nan)
