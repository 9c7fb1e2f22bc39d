"""How long a silence means that a shop's customer has left: read off the shop's own pauses between orders, in whole weeks.

The horizon is the 85th percentile of the days between consecutive order days of a customer, between 30 and 180 days; a shop with
fewer than fifty pauses gets 90 days. Orders of one day count once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.tabular.labels import DAY_US, require_equal_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.labels import Longs

SHORTEST_DAYS, LONGEST_DAYS, USUAL_DAYS = 30, 180, 90
QUANTILE = 0.85
FEWEST_PAUSES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """The days of silence that count as churn, and how they came about, for people."""

    days: int
    pauses: int
    typical_pause_days: float | None
    explanation: str


def churn_horizon(customers: NDArray[Any], at_us: Longs) -> Horizon:
    """The horizon from the orders seen so far (customer and moment of each, any order)."""
    pauses = pauses_days(customers, at_us)
    if pauses.size < FEWEST_PAUSES:
        why = f"{pauses.size} pauses between orders are too few to read a rhythm from, so {USUAL_DAYS} days are used"
        return Horizon(days=USUAL_DAYS, pauses=int(pauses.size), typical_pause_days=None, explanation=why)
    typical, long = (float(value) for value in np.quantile(pauses, [0.5, QUANTILE]))
    weeks = int(np.ceil(long / 7)) * 7
    days = min(max(weeks, SHORTEST_DAYS), LONGEST_DAYS)
    rhythm = f"customers usually order again after {typical:.0f} days and 85 % of pauses end within {long:.0f}"
    why = f"{rhythm}, so {days} days without an order count as churn"
    return Horizon(days=days, pauses=int(pauses.size), typical_pause_days=typical, explanation=why)


def pauses_days(customers: NDArray[Any], at_us: Longs) -> Longs:
    """The whole days between consecutive order days of each customer.

    >>> day = 86_400_000_000
    >>> pauses_days(np.array(["a", "b", "a", "a"]), np.array([0, 5, 10, 10]) * day).tolist()
    [10]
    """
    require_equal_length(customers=customers, at_us=at_us)
    _, code = np.unique(customers, return_inverse=True)
    pairs = np.unique(np.column_stack([code.astype(np.int64), at_us // DAY_US]), axis=0)
    same = pairs[1:, 0] == pairs[:-1, 0]
    return np.asarray((pairs[1:, 1] - pairs[:-1, 1])[same])
