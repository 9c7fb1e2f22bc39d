"""Whether promised probabilities came true, looked at again and again as outcomes become known.

A test that is repeated every night until it fails will fail. The evidence here is an e-process: the likelihood of what happened under
probabilities that are shifted or stretched, over its likelihood under those that were promised, mixed over a grid. While the promises are
honest it is a martingale from 1, so that it ever exceeds 1/a has a chance of at most a, however often one looks (Ville 1939; Ramdas et al.
2023). Each customer's window is counted once, since overlapping windows are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_ndtr, logit, logsumexp

from models.metrics.classification import calibration_noise, ece10

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_EDGE = 1e-6
_SHIFTS = (-1.2, -0.8, -0.5, -0.3, -0.15, 0.15, 0.3, 0.5, 0.8, 1.2)
_SLOPES = (0.5, 0.75, 1.4)
FEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """What became of `rows` promises: the mean promised and found, evidence against them (natural logarithm), and z of Spiegelhalter 1986.

    `ece` is beside `noise`, the ECE that honest promises of this size stay under in 95 of 100 cases.
    """

    rows: int
    promised: float
    found: float
    log_evidence: float
    z: float
    p_value: float
    ece: float
    noise: float

    @property
    def gap(self) -> float:
        """Found less promised: above zero, too little was promised."""
        return self.found - self.promised


def realised(label: Flags, probability: Floats, *, rng: np.random.Generator) -> Realised:
    """What came true of promises, all of shape (rows,)."""
    promised = np.clip(probability, _EDGE, 1 - _EDGE)
    z = _spiegelhalter(label, promised)
    return Realised(
        rows=int(label.size),
        promised=float(promised.mean()) if label.size else 0.0,
        found=float(label.mean()) if label.size else 0.0,
        log_evidence=log_evidence(label, promised),
        z=z,
        p_value=float(2 * np.exp(log_ndtr(-abs(z)))),
        ece=ece10(label, promised) if label.size else 0.0,
        noise=calibration_noise(promised, rng=rng, draws=100) if label.size else 0.0,
    )


def log_evidence(label: Flags, probability: Floats) -> float:
    """The natural logarithm of the e-process over all rows so far; 0 for none.

    >>> log_evidence(np.zeros(0, dtype=bool), np.zeros(0))
    0.0
    """
    if not label.size:
        return 0.0
    promised = np.clip(probability, _EDGE, 1 - _EDGE)
    base = _log_likelihood(label, promised)
    odds = logit(promised)
    others = [_log_likelihood(label, expit(odds + shift)) for shift in _SHIFTS]
    others += [_log_likelihood(label, expit(odds * slope)) for slope in _SLOPES]
    return float(logsumexp(np.array(others) - base) - np.log(len(others)))


def _log_likelihood(label: Flags, probability: Floats) -> float:
    return float(np.log(np.where(label, probability, 1 - probability)).sum())


def _spiegelhalter(label: Flags, probability: Floats) -> float:
    """About standard normal while promises are honest; 0 where every promise is one half, which the statistic cannot judge."""
    weight = 1 - 2 * probability
    variance = (weight**2 * probability * (1 - probability)).sum()
    return float(((label - probability) * weight).sum() / np.sqrt(variance)) if variance > 0 else 0.0
