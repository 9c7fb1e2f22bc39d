"""A logistic regression whose columns may bend: broken lines and indicators under a ridge penalty. A member of rung 4's blend.

An additive model (Hastie and Tibshirani 1986) with exact contributions: a column's part is the sum of its terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.tabular.contract import from_log_odds
from models.tabular.design import Design, fit_design

if TYPE_CHECKING:
    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Examples, Floats

PENALTY_C = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class BentLogistic:
    """`weights` has one entry a term of the design."""

    design: Design
    weights: Floats
    base: float
    name: ClassVar[str] = "bent logistic regression"
    number: ClassVar[int] = 2

    def score(self, values: Floats) -> Floats:
        """Shape (rows,). Terms are summed row by row, so that a row alone scores as it does among others, to the bit."""
        return np.asarray(self.base + self.contributions(values).sum(axis=1))

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,)."""
        return from_log_odds(self.score(values))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns); 0 is what a typical row has."""
        return self.design.to_columns(self.design.transform(values) * self.weights)

    def parts(self) -> tuple[Arrays, Document]:
        """Knots and weights."""
        return {**self.design.arrays(), "weights": self.weights}, {"base": self.base}

    @classmethod
    def from_parts(cls, arrays: Arrays, document: Document) -> BentLogistic:
        """The rung that `parts` took apart."""
        return cls(design=Design.from_arrays(arrays), weights=arrays["weights"], base=float(document["base"]))


def fit_bent_logistic(examples: Examples, *, penalty_c: float = PENALTY_C) -> BentLogistic:
    """The penalised maximum-likelihood fit; needs both outcomes among the rows. A smaller `penalty_c` shrinks more."""
    design = fit_design(examples.table.values)
    fitted = LogisticRegression(C=penalty_c, max_iter=500, tol=1e-5)
    fitted.fit(design.transform(examples.table.values), examples.label)
    weights = np.asarray(fitted.coef_[0], dtype=np.float64)
    return BentLogistic(design=design, weights=weights, base=float(fitted.intercept_[0]))
