"""The learners: S, T, X and DR meta-learners, class transformation, and the plain response model that ignores the control.

Sources: Kuenzel, Sekhon, Bickel and Yu 2019 (S, T, X); Kennedy 2023 (DR); Jaskowski and Jaroszewicz 2012 (class transformation, here with
inverse propensity weights, so that arms may differ in size). The response model is what most shops do; it is no estimate of uplift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.uplift.combination import Combination, mean_of
from models.uplift.contract import folds
from models.uplift.outcomes import WithColumn, fit_additive, fit_deep, fit_line, fit_trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.uplift.contract import Experiment, FittedUplift, Learner
    from models.uplift.outcomes import Base, Floats, Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """A fitted learner as the function that it is."""

    of: Callable[[Floats], Floats]

    def uplift(self, features: Floats) -> Floats:
        """Shape (rows,)."""
        return np.asarray(self.of(features), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SLearner:
    """One model with the treatment as one more column, asked twice."""

    base: Base
    name: str

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """One fit over both arms."""
        columns = np.column_stack([data.features, data.treated])
        model = self.base(columns, data.outcome, np.ones(len(data)), _seed(rng))
        return Combination(((1.0, WithColumn(model, 1.0)), (-1.0, WithColumn(model, 0.0))))


@dataclass(frozen=True, slots=True, kw_only=True)
class TLearner:
    """A model for each arm; uplift is their difference."""

    base: Base
    name: str

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """Two fits."""
        treated, control = _arms(self.base, data, _seed(rng))
        return Combination(((1.0, treated), (-1.0, control)))


@dataclass(frozen=True, slots=True, kw_only=True)
class XLearner:
    """Each arm's outcomes less what the other arm's model expects, learned in turn and weighted by the propensity."""

    base: Base
    name: str

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """Four fits."""
        seed = _seed(rng)
        treated, control = _arms(self.base, data, seed)
        arm = data.treated
        gain = data.outcome[arm] - control.expected(data.features[arm])
        loss = treated.expected(data.features[~arm]) - data.outcome[~arm]
        by_treated = self.base(data.features[arm], gain, np.ones(gain.size), seed)
        by_control = self.base(data.features[~arm], loss, np.ones(loss.size), seed)
        return Combination(((data.share, by_control), (1 - data.share, by_treated)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DRLearner:
    """Doubly robust pseudo-outcomes from cross-fitted arms, and a regression of them on the features."""

    base: Base
    last: Base
    name: str
    parts: int = 2

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """Two fits for each part, one at the end."""
        gain = pseudo_outcomes(data, self.base, rng, parts=self.parts)
        return Combination(((1.0, self.last(data.features, gain, np.ones(gain.size), _seed(rng))),))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTransformation:
    """Whether outcome and arm agree, as one yes or no, weighted by the inverse propensity: its chance above a half is half the uplift.

    For an outcome that is no yes or no the transformed outcome itself is regressed (Athey and Imbens 2016).
    """

    base: Base
    name: str

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """One fit over both arms."""
        share = data.share
        inverse = np.where(data.treated, 1 / share, 1 / (1 - share))
        if not data.is_binary:
            changed = np.where(data.treated, data.outcome, -data.outcome) * inverse
            return Combination(((1.0, self.base(data.features, changed, np.ones(len(data)), _seed(rng))),))
        agrees = np.where(data.treated, data.outcome, 1 - data.outcome)
        model = self.base(data.features, agrees, inverse / 2, _seed(rng))
        return Combination(((2.0, model),), -1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseModel:
    """Who responds when treated; compared, never trusted: those who would have come anyway rank first."""

    base: Base
    name: str

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """One fit over the treated."""
        arm = data.treated
        model = self.base(data.features[arm], data.outcome[arm], np.ones(int(arm.sum())), _seed(rng))
        return Combination(((1.0, model),))


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomOrder:
    """A number drawn for each row: the floor that every learner has to leave."""

    name: str = "random"

    def fit(self, _data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """Nothing is fitted."""
        seed = _seed(rng)
        return Computed(lambda features: np.random.default_rng(seed).random(len(features)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanOf:
    """The mean of several estimates of the same uplift: errors of different kinds partly cancel, and no split has to choose."""

    learners: tuple[Learner, ...]
    name: str

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """Every member's fit."""
        fitted = [learner.fit(data, rng) for learner in self.learners]
        return mean_of(fitted)


T_LOGISTIC = TLearner(base=fit_line, name="T, logistic")
T_TREES = TLearner(base=fit_trees, name="T, trees")
S_TREES = SLearner(base=fit_trees, name="S, trees")
X_TREES = XLearner(base=fit_trees, name="X, trees")
DR_TREES = DRLearner(base=fit_trees, last=fit_trees, name="DR, trees")
DR_LINE = DRLearner(base=fit_line, last=fit_line, name="DR, linear")
CT_LOGISTIC = ClassTransformation(base=fit_line, name="class transformation, logistic")
CT_TREES = ClassTransformation(base=fit_trees, name="class transformation, trees")
RESPONSE = ResponseModel(base=fit_trees, name="response only, trees")
RESPONSE_LOGISTIC = ResponseModel(base=fit_line, name="response only, logistic")
CT_ADDITIVE = ClassTransformation(base=fit_additive, name="class transformation, additive")
DR_ADDITIVE = DRLearner(base=fit_line, last=fit_additive, name="DR, additive")
T_DEEP = TLearner(base=fit_deep, name="T, deep trees")
X_DEEP = XLearner(base=fit_deep, name="X, deep trees")
ROBUST = MeanOf(learners=(S_TREES, DR_ADDITIVE, CT_ADDITIVE), name="mean of S, DR and CT")


def pseudo_outcomes(data: Experiment, base: Base, rng: np.random.Generator, *, parts: int = 2) -> Floats:
    """Shape (rows,): an unbiased, noisy reading of each row's uplift; each is scored by arms that were fitted without it."""
    part, share = folds(data, parts, rng), data.share
    treated, control = np.empty(len(data)), np.empty(len(data))
    for number in range(parts):
        mine = part == number
        with_offer, without = _arms(base, data.of(~mine), _seed(rng))
        treated[mine], control[mine] = with_offer.expected(data.features[mine]), without.expected(data.features[mine])
    corrected = np.where(data.treated, (data.outcome - treated) / share, -(data.outcome - control) / (1 - share))
    return np.asarray(treated - control + corrected)


def _arms(base: Base, data: Experiment, seed: int) -> tuple[Outcome, Outcome]:
    def of(rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Outcome:
        return base(data.features[rows], data.outcome[rows], np.ones(int(rows.sum())), seed)

    return of(data.treated), of(~data.treated)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(0, 2**31 - 1))
