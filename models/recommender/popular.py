"""Popularity, all-time or of the last days: the baseline every personal model must beat, and the tail of the fallback chain.

The unit is customers: one customer counts once for an item, by the last time it was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.interactions import DAY_US, Floats, Interactions

if TYPE_CHECKING:
    from models.recommender.contract import Histories


@dataclass(frozen=True, slots=True)
class FittedPopular:
    """The same score for everyone: how many customers took the item."""

    name: str
    counts: Floats

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): the popularity, once for each customer."""
        return np.tile(self.counts, (histories.customers, 1))


def customers_per_item(interactions: Interactions, as_of_us: int, days: float | None = None) -> Floats:
    """How many customers took each item last within `days` before the moment; with None, ever."""
    _, col, at_us = interactions.before(as_of_us).latest()
    recent = col if days is None else col[at_us >= as_of_us - days * DAY_US]
    return np.bincount(recent, minlength=interactions.items.size).astype(np.float64)


def fit_popular(interactions: Interactions, as_of_us: int, *, days: float | None = None) -> FittedPopular:
    """Popularity over all time, or over the last `days`."""
    name = "popular, all time" if days is None else f"popular, last {days:g} days"
    return FittedPopular(name=name, counts=customers_per_item(interactions, as_of_us, days))
