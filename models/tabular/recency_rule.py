"""Rung 0 with one column: the rate of each fifth of a column such as the days since the last order, shrunk to the overall rate.

What a good analyst would write on a napkin; a model that cannot beat it has learned nothing worth its upkeep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models.tabular.contract import from_log_odds, log_odds, rate_log_odds, smoothed_rate

if TYPE_CHECKING:
    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Examples, Floats

_FIFTHS = (0.2, 0.4, 0.6, 0.8)
_PRIOR_ROWS = 20


@dataclass(frozen=True, slots=True)
class RecencyRule:
    """`place` is the column's position; `edges` part its values; `steps` are log-odds over `base`, the last one for missing."""

    place: int
    base: float
    edges: Floats
    steps: Floats
    name: ClassVar[str] = "recency rule"
    number: ClassVar[int] = 0

    def score(self, values: Floats) -> Floats:
        """Shape (rows,): the log-odds of the value's fifth."""
        return self.base + self._step(values)

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,): the rate of the value's fifth."""
        return from_log_odds(self.score(values))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns), zero but for the one column."""
        found = np.zeros(values.shape)
        found[:, self.place] = self._step(values)
        return found

    def _step(self, values: Floats) -> Floats:
        return np.asarray(self.steps[_bins(values[:, self.place], self.edges)])

    def parts(self) -> tuple[Arrays, Document]:
        """The edges and steps."""
        return {"edges": self.edges, "steps": self.steps}, {"place": self.place, "base": self.base}

    @classmethod
    def from_parts(cls, arrays: Arrays, document: Document) -> RecencyRule:
        """The rung that `parts` took apart."""
        place, base = int(document["place"]), float(document["base"])
        return cls(place=place, base=base, edges=arrays["edges"], steps=arrays["steps"])


def fit_recency_rule(examples: Examples, column: str) -> RecencyRule:
    """The rule over one column; each fifth's rate is drawn to the overall one by twenty imagined rows."""
    values = examples.table.column(column)
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, _FIFTHS)) if known.size else np.zeros(0)
    base, steps = fit_steps(examples, column, edges)
    return RecencyRule(place=examples.table.columns.index(column), base=base, edges=edges, steps=steps)


def fit_steps(examples: Examples, column: str, edges: Floats) -> tuple[float, Floats]:
    """The overall log-odds, and what each interval of a column between the edges adds (the last entry for missing)."""
    overall = smoothed_rate(examples.label)
    bins = _bins(examples.table.column(column), edges)
    rows = np.bincount(bins, minlength=edges.size + 2)
    hits = np.bincount(bins, weights=examples.label, minlength=edges.size + 2)
    base = rate_log_odds(overall)
    return base, log_odds((hits + _PRIOR_ROWS * overall) / (rows + _PRIOR_ROWS)) - base


def _bins(values: Floats, edges: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The interval of each value, the last one for missing."""
    found = np.searchsorted(edges, values, side="left").astype(np.int64)
    return np.where(np.isnan(values), edges.size + 1, found)
