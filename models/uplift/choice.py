"""The champion: a mean of learners that stays good where effects are small, left for deeper trees only when these are surely better.

Everything is chosen inside the rows it is given: scores are cross-fitted, and a challenger has to beat the robust mean's Qini coefficient
in 95 of 100 bootstrap samples of the same rows. What a test set would say plays no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.uplift.contract import folds
from models.uplift.heterogeneity import cross_fitted, surely_below
from models.uplift.learners import ROBUST, T_DEEP, X_DEEP
from models.uplift.metrics import qini

if TYPE_CHECKING:
    import numpy as np

    from models.uplift.contract import Experiment, FittedUplift, Learner

FEWEST_FOR_DEEP = 2000
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """A learner that settles which learner it is by the rows of its fit."""

    robust: Learner = ROBUST
    challengers: tuple[Learner, ...] = (T_DEEP, X_DEEP)
    name: str = "champion"

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """The chosen learner, fitted on all rows."""
        return self.settle(data, rng).fit(data, rng)

    def settle(self, data: Experiment, rng: np.random.Generator) -> Learner:
        """Which learner the rows call for."""
        if len(data) < FEWEST_FOR_DEEP or not self.challengers:
            return self.robust
        part = folds(data, _PARTS, rng)
        best, score = self.robust, cross_fitted(self.robust, data, part, rng)
        for challenger in self.challengers:
            other = cross_fitted(challenger, data, part, rng)
            if qini(other, data.treated, data.outcome) <= qini(score, data.treated, data.outcome):
                continue
            if surely_below(score, other, data, rng):
                best, score = challenger, other
        return best
