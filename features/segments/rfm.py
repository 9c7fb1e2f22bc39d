"""Recency, frequency and monetary value in fifths of the tenant's own buyers, and the names that people give to their combinations. Pure.

A fifth is told by the middle rank of equal values, in integers: equal customers always stand together, the order of rows changes nothing,
and neither does any change of scale. 5 is best: bought last, most often, for most. Classes follow the usual map of recency against the
mean of frequency and monetary value (Hughes 1994 for the fifths; the names are the trade's).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

VIEWS: Final = ("days_since_last_order", "orders_365d", "spend_365d_minor")
FIFTHS: Final = 5
_CLASSES: Final = (  # by recency 1 to 5, then by the mean of frequency and monetary value 1 to 5
    ("lost", "lost", "at_risk", "at_risk", "cannot_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    ("promising", "potential_loyal", "potential_loyal", "champions", "champions"),
    ("new", "potential_loyal", "potential_loyal", "champions", "champions"),
)
NAMES: Final = tuple(dict.fromkeys(name for row in _CLASSES for name in row))


@dataclass(frozen=True, slots=True)
class Rfm:
    """A buyer's fifths, 1 to 5."""

    recency: int
    frequency: int
    monetary: int

    @property
    def code(self) -> str:
        """Such as "543"."""
        return f"{self.recency}{self.frequency}{self.monetary}"

    @property
    def name(self) -> str:
        """The class.

        >>> Rfm(5, 5, 4).name, Rfm(1, 5, 5).name, Rfm(5, 1, 1).name
        ('champions', 'cannot_lose', 'new')
        """
        worth = (self.frequency + self.monetary + 1) // 2
        return _CLASSES[self.recency - 1][worth - 1]


def score(days_since_last: ArrayLike, orders: ArrayLike, spend: ArrayLike) -> list[Rfm | None]:
    """The fifths of each customer among those who bought within the year (`orders` above 0); None for the others. Shapes (customers,)."""
    waits, counts, amounts = (np.asarray(each, dtype=np.int64) for each in (days_since_last, orders, spend))
    buys = counts > 0
    fifths = [fifth(values[buys]).tolist() for values in (-waits, counts, amounts)]
    found = (Rfm(*each) for each in zip(*fifths, strict=True))
    return [next(found) if bought else None for bought in buys.tolist()]


def fifth(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 to 5 for each value, larger is higher; equal values share the fifth of their middle rank.

    >>> fifth(np.array([10, 20, 30, 40, 50])).tolist(), fifth(np.array([7, 7, 7])).tolist()
    ([1, 2, 3, 4, 5], [3, 3, 3])
    """
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, side="left")
    within = np.searchsorted(ordered, values, side="right")  # below and equal; the middle rank is half of both together
    return np.asarray(np.minimum(FIFTHS * (below + within) // (2 * max(len(values), 1)) + 1, FIFTHS), dtype=np.int64)
