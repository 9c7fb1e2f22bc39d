"""Pareto/NBD: as BG/NBD, but a customer may leave at any moment and not only after a purchase; better where many never come back.

Rates of buying are gamma distributed (shape r, rate alpha), rates of leaving too (s, beta). Source: Schmittlein, Morrison and Colombo 1987,
Management Science 33(1); likelihood and expectations as in Fader and Hardie 2005, "A note on deriving the Pareto/NBD model". Their
hypergeometric functions overflow for frequent buyers; Euler's transformation and logarithms keep every term finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from models.value.histories import Histories, HistoryError, histories
from models.value.nbd import fit_nbd

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_STARTS = ((0.5, 0.5, 0.5, 1.0), (1.0, 0.5, 1.0, 3.0))
_LOW, _HIGH = np.log(1e-5), np.log(1e3)
_NEAR = 0.05
_PENALTY = 1e-7
_FEWEST_GAIN = 1.92
_NOWHERE = 1e10
"""Minus a likelihood where the series cannot be summed: no step goes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoNbd:
    """The fitted process; `alpha` and `beta` are in the unit of time of the histories, `boundary` as in BG/NBD."""

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float
    customers: int
    boundary: str = ""
    name: ClassVar[str] = "Pareto/NBD"

    @property
    def at_boundary(self) -> bool:
        """Whether the parameters only describe the edge of what the model can say."""
        return bool(self.boundary)

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """Shape (customers,): the chance that the customer has not left; below 1 also for those who bought once."""
        return self._alive(histories(frequency, recency, age))

    def expected_purchases(self, t: float, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """Shape (customers,): purchases expected in the next `t`, given the history."""
        known = histories(frequency, recency, age)
        rate = (self.r + known.frequency) / (self.alpha + known.age)
        return np.asarray(rate * _time_left(self.s, self.beta + known.age, t) * self._alive(known))

    def expected_repeats(self, t: ArrayLike) -> Floats:
        """Shape of `t`: repeat purchases that a new customer makes in the first `t`."""
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        start = np.array([self.beta])
        return np.array([self.r / self.alpha * float(_time_left(self.s, start, one)[0]) for one in times])

    def _alive(self, known: Histories) -> Floats:
        gone, there = (
            _log_gone(known, self.r, self.alpha, self.s, self.beta),
            _log_there(known, self.r, self.alpha, self.s, self.beta),
        )
        return np.asarray(np.exp(there - np.logaddexp(there, gone)))


def fit_pareto_nbd(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> ParetoNbd:
    """The best of several starts. HistoryError for histories that are impossible, or when there is none with an age."""
    known = histories(frequency, recency, age)
    rows, weights = known.compressed()
    unit = float(weights @ rows.age / max(weights.sum(), 1))
    if unit <= 0:
        raise HistoryError("a fit needs at least one customer who has been observed for a while", customers=len(known))
    scaled = rows.scaled(unit)

    def penalised(logs: Floats) -> float:
        return _minus_log_likelihood(logs, scaled, weights) + _PENALTY * float(logs @ logs)

    options = {"maxiter": 150, "ftol": 1e-12, "gtol": 1e-7}
    bounds = [(_LOW, _HIGH)] * 4
    tries = [minimize(penalised, np.log(start), method="L-BFGS-B", bounds=bounds, options=options) for start in _STARTS]
    best = min(tries, key=lambda found: float(found.fun))
    r, alpha, s, beta = np.exp(best.x).tolist()
    likelihood = -_minus_log_likelihood(best.x, scaled, weights) * weights.sum() - float(
        weights @ rows.frequency
    ) * np.log(unit)
    return ParetoNbd(
        r=r,
        alpha=alpha * unit,
        s=s,
        beta=beta * unit,
        log_likelihood=float(likelihood),
        customers=len(known),
        boundary=_boundary(best.x, float(likelihood), known),
    )


def _minus_log_likelihood(logs: Floats, rows: Histories, weights: Floats) -> float:
    r, alpha, s, beta = np.exp(logs).tolist()
    gone = _log_gone(rows, r, alpha, s, beta)
    if np.isnan(gone).any():
        return _NOWHERE
    either = np.logaddexp(_log_there(rows, r, alpha, s, beta), gone)
    value = gammaln(r + rows.frequency) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + either
    found = float(-(weights @ value) / weights.sum())
    return found if np.isfinite(found) else _NOWHERE


def _log_there(rows: Histories, r: float, alpha: float, s: float, beta: float) -> Floats:
    return np.asarray(-(r + rows.frequency) * np.log(alpha + rows.age) - s * np.log(beta + rows.age))


def _log_gone(rows: Histories, r: float, alpha: float, s: float, beta: float) -> Floats:
    """Log of s/(r+s+x) A0: having left between the last purchase and now."""
    early = _log_part(rows.frequency, rows.recency, r, alpha, s, beta)
    late = _log_part(rows.frequency, rows.age, r, alpha, s, beta)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.log(-np.expm1(np.minimum(late - early, 0.0)))
    return np.asarray(np.log(s) - np.log(r + s + rows.frequency) + early + difference)


def _log_part(x: Floats, at: Floats, r: float, alpha: float, s: float, beta: float) -> Floats:  # noqa: PLR0917 (as the paper writes it)
    """Log of F(...)/(max(alpha, beta)+at)^(r+s+x), Euler-transformed so that F stays small."""
    total = r + s + x
    if alpha >= beta:
        series = hyp2f1(1.0, r + x, total + 1, (alpha - beta) / (alpha + at))
        return np.asarray(np.log(series) - s * np.log(beta + at) - (r + x) * np.log(alpha + at))
    series = hyp2f1(1.0, s + 1, total + 1, (beta - alpha) / (beta + at))
    return np.asarray(np.log(series) - (r + x - 1) * np.log(alpha + at) - (s + 1) * np.log(beta + at))


def _time_left(s: float, beta: Floats, t: float) -> Floats:
    """Of the next `t`, the time that somebody who is there now is expected to stay."""
    if t <= 0:
        return np.zeros(beta.shape)
    far = np.log1p(t / beta)
    if abs(s - 1) < 1e-6:
        return np.asarray(beta * far)
    return np.asarray(beta / (s - 1) * -np.expm1((1 - s) * far))


def _boundary(logs: Floats, likelihood: float, known: Histories) -> str:
    if known.frequency.sum() == 0:
        return "nobody has bought twice"
    if likelihood - fit_nbd(known.frequency, known.age).log_likelihood < _FEWEST_GAIN:
        return "the histories do not show that anybody leaves"
    if logs.min() < _LOW + _NEAR or logs.max() > _HIGH - _NEAR:
        return "the rates of buying or leaving have no distribution that the histories can tell"
    return ""
