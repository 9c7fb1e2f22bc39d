"""The uncertainty of a mean over customers: percentile bootstrap, with the customer as the unit that is drawn.

A paired difference draws the same customers for both models, so that what makes a customer easy or hard cancels out.
Source: Efron and Tibshirani 1993, chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


class IntervalError(InvalidError):
    """There is nothing to take the mean of, or the two samples are not pairs."""

    code = "invalid_interval"


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the bounds between which it lies at the stated level, 95 % unless told."""

    mean: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether even the lower bound is better than nothing."""
        return self.low > 0


def mean_interval(values: Values, *, rng: np.random.Generator, draws: int = 1000, level: float = 0.95) -> Interval:
    """The mean of one value a customer, with its bootstrap interval.

    >>> mean_interval(np.array([0.5, 0.5, 0.5]), rng=np.random.default_rng(0))
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    if values.size == 0:
        raise IntervalError("a mean needs at least one value")
    means = np.array([values[rng.integers(0, values.size, values.size)].mean() for _ in range(draws)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high))


def paired_difference(
    ours: Values, theirs: Values, *, rng: np.random.Generator, draws: int = 1000, level: float = 0.95
) -> Interval:
    """The mean of `ours - theirs` over the same customers in the same order.

    >>> paired_difference(np.array([0.75, 0.5]), np.array([0.5, 0.25]), rng=np.random.default_rng(0)).mean
    0.25
    """
    if ours.shape != theirs.shape:
        raise IntervalError("paired values belong to the same customers", ours=ours.size, theirs=theirs.size)
    return mean_interval(ours - theirs, rng=rng, draws=draws, level=level)
