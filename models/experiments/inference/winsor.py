"""Pulls in the tails of money per customer, so that one wholesaler does not decide an experiment: one pair of bounds for all arms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is below `low` counts as `low` (refunds), what is above `high` as `high`."""

    low: float
    high: float

    def applied(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values within the bounds."""
        return np.clip(values, self.low, self.high)


def bounds(values: NDArray[np.float64], quantile: float = 0.999, *, ignore_zeros: bool = True) -> Bounds:
    """From the pooled values of all arms; of those who spent or got back, unless told otherwise (else most shops' cap would be 0).

    >>> round(bounds(np.array([0.0, 0, 0, 1, 2, 3, 4, 100]), 0.8).high, 9)
    23.2
    """
    kept = values[values != 0] if ignore_zeros else values
    if kept.size == 0:
        return Bounds(0.0, 0.0)
    high = float(np.quantile(kept, quantile))
    low = float(np.quantile(kept, 1 - quantile))
    return Bounds(min(low, 0.0), max(high, 0.0))
