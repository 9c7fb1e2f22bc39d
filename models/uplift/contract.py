"""What every learner of uplift takes and gives: features, a treatment drawn at random, an outcome; then a change in the outcome.

A randomised experiment with one arm against one control. The chance of treatment is the arm's share (`share`), which a randomised
assignment makes the propensity of everybody. Uplift is in the outcome's unit: for a yes or no it is a difference of probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

FEWEST_IN_ARM = 20


class UpliftError(InvalidError):
    """Rows from which no uplift can be learned."""

    code = "invalid_uplift_data"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """Shapes (rows, columns), (rows,), (rows,); no missing values."""

    features: Floats
    treated: Flags
    outcome: Floats

    def __len__(self) -> int:
        return int(self.treated.size)

    @property
    def share(self) -> float:
        """The share of the treated."""
        return float(self.treated.mean())

    @property
    def effect(self) -> float:
        """The difference of the arms' mean outcomes."""
        return float(self.outcome[self.treated].mean() - self.outcome[~self.treated].mean())

    @property
    def effect_error(self) -> float:
        """The standard error of `effect`."""
        arms = (self.outcome[self.treated], self.outcome[~self.treated])
        return float(np.sqrt(sum(arm.var() / arm.size for arm in arms)))

    @property
    def is_binary(self) -> bool:
        """Whether the outcome is yes or no."""
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())

    def of(self, rows: NDArray[np.int64] | Flags) -> Experiment:
        """Some rows."""
        return Experiment(features=self.features[rows], treated=self.treated[rows], outcome=self.outcome[rows])


class FittedUplift(Protocol):
    """A fitted learner."""

    def uplift(self, features: Floats) -> Floats:
        """Shape (rows,): what the treatment adds to the outcome."""
        ...


class Learner(Protocol):
    """Something that learns uplift; `name` is what a table calls it."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        """The fit; the same rows and the same state of `rng` give the same."""
        ...


def experiment(features: ArrayLike, treated: ArrayLike, outcome: ArrayLike) -> Experiment:
    """Checked rows. UpliftError when the shapes differ, a value is missing, or an arm is too small to compare.

    >>> rows = experiment(np.zeros((60, 1)), np.arange(60) % 2 == 0, np.ones(60))
    >>> rows.share, rows.effect
    (0.5, 0.0)
    """
    values = np.asarray(features, dtype=np.float64)
    arm = np.asarray(treated, dtype=np.bool_)
    found = np.asarray(outcome, dtype=np.float64)
    if values.ndim != 2 or arm.shape != (values.shape[0],) or found.shape != arm.shape:
        raise UpliftError("features, treatment and outcome belong to the same rows", rows=int(values.shape[0]))
    if not (np.isfinite(values).all() and np.isfinite(found).all()):
        raise UpliftError("features and outcome are numbers, none of them missing")
    sizes = int(arm.sum()), int((~arm).sum())
    if min(sizes) < FEWEST_IN_ARM:
        raise UpliftError(
            f"each arm needs at least {FEWEST_IN_ARM} rows; there are {sizes[0]} treated and {sizes[1]} not",
            treated=sizes[0],
            control=sizes[1],
        )
    return Experiment(features=values, treated=arm, outcome=found)


def folds(data: Experiment, parts: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Shape (rows,): the part of each row, equal shares of each arm and (for a yes or no) each outcome in every part."""
    stratum = data.treated * 2 + (data.outcome > 0 if data.is_binary else 0)
    order = rng.permutation(len(data))
    order = order[np.argsort(stratum[order], kind="stable")]
    found = np.empty(len(data), dtype=np.int64)
    found[order] = np.arange(len(data)) % parts
    return found
