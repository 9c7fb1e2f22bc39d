"""What every rung of the ladder keeps, fitted: probabilities in (0, 1) and exact additive contributions in log-odds.

Held by one conformance suite: finite values strictly inside (0, 1), equal for equal input, one row scored alone equals it scored among
others, `base + contributions` equals the log-odds of the probability, and `parts` restores an equal rung.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.tabular.table import Flags, Floats

    Arrays = Mapping[str, NDArray[Any]]
    Document = Mapping[str, Any]

EDGE = 1e-6
"""No probability is nearer to 0 or 1 than this: no finite sample can claim more."""


class Rung(Protocol):
    """A fitted classifier over a fixed number of columns."""

    @property
    def name(self) -> str:
        """What cards and tables call it."""

    @property
    def number(self) -> int:
        """Its height: 0 rules, 1 a closed form, 2 logistic regression, 3 shallow boosted trees, 4 a tuned blend."""

    @property
    def base(self) -> float:
        """The log-odds that no column explains."""

    def score(self, values: Floats) -> Floats:
        """Shape (rows,): log-odds, before calibration."""

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,): the score as a probability, before calibration."""

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns): the log-odds that each column adds to `base`."""

    def parts(self) -> tuple[Arrays, Document]:
        """What `from_parts` of the same class needs to build an equal rung."""


def log_odds(probability: Floats) -> Floats:
    """The logarithm of p / (1 - p), with p kept `EDGE` away from 0 and 1.

    >>> log_odds(np.array([0.5, 1.0])).round(3).tolist()
    [0.0, 13.816]
    """
    p = np.clip(probability, EDGE, 1 - EDGE)
    return np.asarray(np.log(p / (1 - p)))


def from_log_odds(score: Floats) -> Floats:
    """The probability of log-odds, kept `EDGE` away from 0 and 1."""
    return np.clip(1 / (1 + np.exp(-np.clip(score, -40, 40))), EDGE, 1 - EDGE)


def rate_log_odds(rate: float) -> float:
    """The log-odds of one rate.

    >>> rate_log_odds(0.5)
    0.0
    """
    return float(log_odds(np.array([rate]))[0])


def smoothed_rate(label: Flags) -> float:
    """The share of true labels with half a case added to each side (Jeffreys' prior), so that none in few is not never.

    >>> smoothed_rate(np.array([True, False, False])), smoothed_rate(np.zeros(4, dtype=bool))
    (0.375, 0.1)
    """
    return (float(label.sum()) + 0.5) / (label.size + 1)
