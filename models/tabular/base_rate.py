"""Rung 0: the share of customers with the outcome, the same for everybody. Whatever knows more must beat it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models.tabular.contract import from_log_odds, rate_log_odds, smoothed_rate

if TYPE_CHECKING:
    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Examples, Floats


@dataclass(frozen=True, slots=True)
class BaseRate:
    """One probability for all; nothing contributes."""

    base: float
    name: ClassVar[str] = "base rate"
    number: ClassVar[int] = 0

    def score(self, values: Floats) -> Floats:
        """Shape (rows,), all equal."""
        return np.full(values.shape[0], self.base)

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,), all equal."""
        return from_log_odds(self.score(values))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns), all zero."""
        return np.zeros(values.shape)

    def parts(self) -> tuple[Arrays, Document]:
        """The one number."""
        return {}, {"base": self.base}

    @classmethod
    def from_parts(cls, _arrays: Arrays, document: Document) -> BaseRate:
        """The rung that `parts` took apart."""
        return cls(base=float(document["base"]))


def fit_base_rate(examples: Examples) -> BaseRate:
    """The smoothed share of the training rows."""
    return BaseRate(base=rate_log_odds(smoothed_rate(examples.label)))
