"""A quantile of an arm with its variance, from sorted order statistics, so that contrasts of medians and tails are tests like any other.

The standard error is half the distance between the order statistics at the ends of the quantile rank's own interval (Woodruff 1952);
where units bring several values each, the rank's variance is taken over units (Deng, Knoblich & Lu 2018).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from models.experiments.inference.contrast import NotComputable
from models.experiments.inference.sums import Pairs, Summarised, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from features.experiments.moments import Ordered

_Z = 1.959963984540054
FEWEST_VALUES = 20


def quantile(
    values: NDArray[np.float64], q: float, units: NDArray[np.int64] | None = None
) -> Summarised | NotComputable:
    """The q-quantile of `values`, shape (n,); `units` says whose each value is, where a unit has several."""
    if values.size < FEWEST_VALUES:
        return NotComputable(f"a quantile needs {FEWEST_VALUES} values")
    ordered = np.sort(values)
    place = float(np.quantile(ordered, q))
    n, of_rank = _rank(values <= place, units, q)
    reach = _Z * math.sqrt(of_rank / n)
    low = float(np.quantile(ordered, max(q - reach, 0.0)))
    high = float(np.quantile(ordered, min(q + reach, 1.0)))
    error = (high - low) / (2 * _Z)
    return Summarised(n, place, error * error * n)


def from_order(order: Ordered) -> Summarised | None:
    """A quantile with its variance from three order statistics that the database found; None where there are too few values."""
    if order.n < FEWEST_VALUES:
        return None
    error = (order.high - order.low) / (2 * _Z)
    return Summarised(order.n, order.value, error * error * order.n)


def _rank(below: NDArray[np.bool_], units: NDArray[np.int64] | None, q: float) -> tuple[int, float]:
    """How many independent units there are, and the variance of one unit's part in the rank."""
    if units is None:
        return below.size, q * (1 - q)
    _, place = np.unique(units, return_inverse=True)
    under = np.bincount(place, weights=below.astype(np.float64))
    counts = np.bincount(place).astype(np.float64)
    found = ratio(Pairs.of(under.tolist(), counts.tolist()))
    return counts.size, found.variance if found else 0.0
