"""Whether an assignment was drawn at random: can the arm be told from the features? If it can, differences of the arms are no effects.

A cross-fitted logistic score of the arm is judged by its AUC; the interval is that of a score that knows nothing (Hanley and McNeil 1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from models.uplift.contract import folds
from models.uplift.outcomes import fit_line, fit_trees

if TYPE_CHECKING:
    from models.uplift.contract import Experiment

_SIGMAS = 2.58
MOST_AUC = 0.52
"""What an assignment may give away in a large table: less cannot move a ranking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomisation:
    """The AUC of telling the arms apart, its 99 % interval, and whether the arms are comparable."""

    auc: float
    low: float
    high: float
    is_random: bool
    said: str


def check_randomisation(data: Experiment, rng: np.random.Generator, *, parts: int = 3) -> Randomisation:
    """The better of a linear and a boosted score, each row by a fit without it."""
    part = folds(data, parts, rng)
    seed = int(rng.integers(0, 2**31))
    best = 0.0
    for base in (fit_line, fit_trees):
        score = np.empty(len(data))
        for number in range(parts):
            mine = part == number
            rows = data.of(~mine)
            model = base(rows.features, rows.treated.astype(np.float64), np.ones(len(rows)), seed)
            score[mine] = model.expected(data.features[mine])
        best = max(best, _auc(score, data.treated))
    treated, control = int(data.treated.sum()), int((~data.treated).sum())
    error = float(np.sqrt((treated + control + 1) / (12 * treated * control)))
    low, high = best - _SIGMAS * error, best + _SIGMAS * error
    is_random = low <= 0.5 or best <= MOST_AUC
    told = f"the arms can be told apart with an AUC of {best:.3f} (99 % interval {low:.3f} to {high:.3f}; .5 is chance)"
    verdict = (
        "as a fair draw leaves it"
        if is_random
        else "so the assignment was not random and no effect can be read from it"
    )
    return Randomisation(auc=best, low=low, high=high, is_random=is_random, said=f"{told}, {verdict}")


def _auc(
    score: np.ndarray[tuple[int], np.dtype[np.float64]], label: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> float:
    positives = int(label.sum())
    ranks = rankdata(score)
    return float((ranks[label].sum() - positives * (positives + 1) / 2) / (positives * (label.size - positives)))
