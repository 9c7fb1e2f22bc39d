"""Scores made to mean what they say: fitted on rows that are later than the training rows and that no rung has seen.

Sigmoid (Platt 1999) below a thousand cases of the outcome, isotonic above, nothing below ten of either outcome. Both are monotone, so the
order of customers stays (isotonic ties those beyond its outermost steps).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from models.tabular.contract import EDGE, from_log_odds, log_odds

if TYPE_CHECKING:
    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Flags, Floats

NONE, SIGMOID, ISOTONIC = "none", "sigmoid", "isotonic"
FEWEST_CASES = 10
ISOTONIC_FROM = 1000
_RIDGE = 0.5


@dataclass(frozen=True, slots=True)
class Calibrator:
    """`sigmoid`: log-odds become `knots_y[0] * log-odds + knots_y[1]`; `isotonic`: probability read off the knots."""

    kind: str
    knots_x: Floats
    knots_y: Floats

    def apply(self, probability: Floats) -> Floats:
        """Shape (rows,): calibrated, strictly inside (0, 1)."""
        if self.kind == SIGMOID:
            return from_log_odds(self.knots_y[0] * log_odds(probability) + self.knots_y[1])
        if self.kind == ISOTONIC:
            return np.clip(np.interp(probability, self.knots_x, self.knots_y), EDGE, 1 - EDGE)
        return np.clip(probability, EDGE, 1 - EDGE)

    def parts(self) -> tuple[Arrays, Document]:
        """What `from_parts` needs."""
        return {"knots_x": self.knots_x, "knots_y": self.knots_y}, {"kind": self.kind}

    @classmethod
    def from_parts(cls, arrays: Arrays, document: Document) -> Calibrator:
        """The calibrator that `parts` took apart."""
        return cls(kind=str(document["kind"]), knots_x=arrays["knots_x"], knots_y=arrays["knots_y"])


UNCALIBRATED = Calibrator(kind=NONE, knots_x=np.zeros(0), knots_y=np.zeros(0))
"""Leaves scores as they are."""


def fit_calibrator(label: Flags, probability: Floats) -> Calibrator:
    """The calibrator that the number of cases allows."""
    cases = int(label.sum())
    if min(cases, label.size - cases) < FEWEST_CASES:
        return UNCALIBRATED
    if cases < ISOTONIC_FROM:
        return Calibrator(kind=SIGMOID, knots_x=np.zeros(0), knots_y=_sigmoid(label, log_odds(probability)))
    return _isotonic(label, probability)


def _sigmoid(label: Flags, score: Floats) -> Floats:
    """Slope and intercept of least log loss, drawn a little to (1, 0) so that a constant score has an answer too."""
    target = label.astype(np.float64)

    def loss(line: Floats) -> tuple[float, Floats]:
        raw = line[0] * score + line[1]
        error = from_log_odds(raw) - target
        pull = line - np.array([1.0, 0.0])
        value = np.logaddexp(0, raw).sum() - (target * raw).sum() + _RIDGE * pull[0] ** 2
        return float(value), np.array([error @ score + 2 * _RIDGE * pull[0], error.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.01, 20), (-20, 20)])
    return np.asarray(found.x, dtype=np.float64)


def _isotonic(label: Flags, probability: Floats) -> Calibrator:
    """Steps of the rate, joined by straight lines between their centres so that customers within a step keep their order.

    Source: centred isotonic regression, Oron and Flournoy 2017. No rate is nearer to 0 or 1 than half a case in all rows.
    """
    least = 0.5 / (label.size + 1)
    fitted = IsotonicRegression(y_min=least, y_max=1 - least).fit_transform(probability, label)
    rates, step = np.unique(fitted, return_inverse=True)
    centres = np.bincount(step, weights=probability) / np.bincount(step)
    return Calibrator(kind=ISOTONIC, knots_x=centres, knots_y=np.asarray(rates, dtype=np.float64))
