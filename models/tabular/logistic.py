"""Rung 2: ridge-penalised logistic regression (C = .1) over rank-normalised inputs.

The best model below about a thousand rows, and its contributions are exact: coefficient times input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.tabular.contract import from_log_odds
from models.tabular.inputs import Inputs, fit_inputs

if TYPE_CHECKING:
    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Examples, Floats

PENALTY_C = 0.1


@dataclass(frozen=True, slots=True)
class Logistic:
    """`weights` has one entry a column and one a missing-value flag."""

    inputs: Inputs
    weights: Floats
    base: float
    name: ClassVar[str] = "logistic regression"
    number: ClassVar[int] = 2

    def score(self, values: Floats) -> Floats:
        """Shape (rows,). Terms are summed row by row, so that a row alone scores as it does among others, to the bit."""
        return np.asarray(self.base + self.contributions(values).sum(axis=1))

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,)."""
        return from_log_odds(self.score(values))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns); inputs have mean 0 on the training rows, so 0 means typical."""
        return self.inputs.to_columns(self.inputs.transform(values) * self.weights)

    def parts(self) -> tuple[Arrays, Document]:
        """Knots and weights."""
        return {**self.inputs.arrays(), "weights": self.weights}, {"base": self.base}

    @classmethod
    def from_parts(cls, arrays: Arrays, document: Document) -> Logistic:
        """The rung that `parts` took apart."""
        return cls(inputs=Inputs.from_arrays(arrays), weights=arrays["weights"], base=float(document["base"]))


def fit_logistic(examples: Examples) -> Logistic:
    """The penalised maximum-likelihood fit; needs both outcomes among the rows."""
    inputs = fit_inputs(examples.table.values)
    fitted = LogisticRegression(C=PENALTY_C, max_iter=1000, tol=1e-6)
    fitted.fit(inputs.transform(examples.table.values), examples.label)
    weights = np.asarray(fitted.coef_[0], dtype=np.float64)
    return Logistic(inputs=inputs, weights=weights, base=float(fitted.intercept_[0]))
