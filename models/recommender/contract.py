"""What every recommender keeps: fitted on interactions before a moment, it scores any history over all items, dense.

A score is comparable within one customer only. Invariants (held by one conformance suite): shape (customers, items), finite values,
equal for equal input, and nothing at or after `as_of_us` may change it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import scipy.sparse as sp

from models.recommender.interactions import Codes, Flags, Floats, Interactions, Longs, decay

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Histories:
    """The pasts of `customers` customers at `as_of_us`: rows (customer 0..n-1, item code, time), one for each (basket, item)."""

    customers: int
    items: int
    row: Codes
    col: Codes
    at_us: Longs
    as_of_us: int

    @classmethod
    def of(cls, interactions: Interactions, codes: NDArray[np.integer], as_of_us: int) -> Histories:
        """The histories of the customers with these codes, in this order, strictly before `as_of_us`."""
        past = interactions.before(as_of_us)
        place = np.full(past.customers.size, -1, dtype=np.int32)
        place[codes] = np.arange(codes.size, dtype=np.int32)
        chosen = past.row_mask(place >= 0)
        _, row, col, at_us = chosen.per_basket()
        return cls(
            customers=int(codes.size),
            items=int(past.items.size),
            row=place[row],
            col=col,
            at_us=at_us,
            as_of_us=as_of_us,
        )

    def slice(self, start: int, stop: int) -> Histories:
        """The customers from `start` (included) to `stop` (excluded), renumbered from 0."""
        stop = min(stop, self.customers)
        chosen = (self.row >= start) & (self.row < stop)
        return replace(
            self,
            customers=stop - start,
            row=(self.row[chosen] - start).astype(np.int32),
            col=self.col[chosen],
            at_us=self.at_us[chosen],
        )

    def owned(self) -> Flags:
        """Shape (customers, items): whether the item was ever taken."""
        flags = np.zeros((self.customers, self.items), dtype=np.bool_)
        flags[self.row, self.col] = True
        return flags

    def counts(self, half_life_days: float | None = None) -> sp.csr_matrix:
        """In how many baskets each item was taken, each basket faded by its age."""
        weight = decay(self.as_of_us - self.at_us, half_life_days)
        return sp.csr_matrix((weight, (self.row, self.col)), shape=(self.customers, self.items))

    def recency(self, half_life_days: float | None = None) -> sp.csr_matrix:
        """The faded weight of the last time each item was taken; 1 for all owned without a half-life."""
        order = np.lexsort((self.at_us, self.col, self.row))
        row, col = self.row[order], self.col[order]
        last = np.ones(row.size, dtype=np.bool_)
        last[:-1] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
        weight = decay(self.as_of_us - self.at_us[order][last], half_life_days)
        return sp.csr_matrix((weight, (row[last], col[last])), shape=(self.customers, self.items))


class Fitted(Protocol):
    """A fitted recommender."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items); larger is better, finite, owned items included."""


@runtime_checkable
class ByTask(Protocol):
    """A recommender that orders differently for new items and for any item."""

    def for_task(self, task: str) -> Fitted:
        """The same recommender, ordering for one task."""


if TYPE_CHECKING:
    Fit = Callable[[Interactions, int], Fitted]
    """Fits on what lies before the moment (second argument, microseconds)."""
