"""BG/NBD: how often each customer will buy again, and whether they are still there, from repeats, recency and age alone.

While active a customer buys at a rate that is gamma distributed over customers (shape r, rate alpha), and after each purchase
leaves for good with a chance that is beta distributed (a, b). Source: Fader, Hardie and Lee 2005, Marketing Science 24(2). The fit is
maximum likelihood with its exact gradient over the different histories; the unit of time is the caller's, and only alpha carries it.

Short or regular histories have their maximum at the border, where nobody leaves (a -> 0) or everybody buys alike (r, alpha -> infinity).
Then the numbers predict but do not mean anything: `boundary` says so in words, and `purchases.py` falls back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln

from models.value.expectation import expected_while_leaving
from models.value.histories import Histories, HistoryError, histories
from models.value.nbd import fit_nbd

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_STARTS = ((0.5, 0.5, 0.5, 2.0), (1.0, 1.0, 1.0, 1.0), (0.25, 0.2, 0.1, 1.0), (3.0, 3.0, 2.0, 8.0))
_LOW, _HIGH = np.log(1e-5), np.log(1e4)
_NEAR = 0.05
_PENALTY = 1e-7
"""Of the squared logarithms, per customer: too weak to move an interior maximum by a thousandth, enough to end a walk on a ridge."""
_FEWEST_GAIN = 1.92
"""Log-likelihood over the NBD that two spare parameters must bring: half the 95 % quantile of a chi-square with one degree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BgNbd:
    """The fitted process. `alpha` is in the unit of time of the histories; `boundary` is empty where the maximum is inside."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    boundary: str = ""
    name: ClassVar[str] = "BG/NBD"

    @property
    def at_boundary(self) -> bool:
        """Whether the parameters only describe the edge of what the model can say."""
        return bool(self.boundary)

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """Shape (customers,): the chance that the customer has not left. Without a repeat nobody had an occasion to leave: 1."""
        return self._alive(histories(frequency, recency, age))

    def expected_purchases(self, t: float, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """Shape (customers,): purchases expected in the next `t`, given the history."""
        known = histories(frequency, recency, age)
        staying = expected_while_leaving(
            self.r + known.frequency, self.alpha + known.age, self.a, self.b + known.frequency, t
        )
        return staying * self._alive(known)

    def expected_repeats(self, t: ArrayLike) -> Floats:
        """Shape of `t`: repeat purchases that a new customer makes in the first `t`."""
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        return np.array([float(expected_while_leaving(self.r, self.alpha, self.a, self.b, one)) for one in times])

    def _alive(self, known: Histories) -> Floats:
        x = known.frequency
        odds_gone = np.log(self.a) - np.log(np.maximum(self.b + x - 1, 1e-300))
        odds_gone = odds_gone + (self.r + x) * (np.log(self.alpha + known.age) - np.log(self.alpha + known.recency))
        return np.where(x > 0, expit(-odds_gone), 1.0)


def fit_bgnbd(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> BgNbd:
    """The best of several starts. HistoryError for histories that are impossible, or when there is none with an age.

    >>> model = fit_bgnbd([0, 1, 2, 0, 5, 0], [0, 2, 7, 0, 9, 0], [10, 10, 10, 8, 10, 9])
    >>> 0 < float(model.probability_alive([2], [3], [10])[0]) < 1
    True
    """
    known = histories(frequency, recency, age)
    rows, weights = known.compressed()
    unit = float(weights @ rows.age / max(weights.sum(), 1))
    if unit <= 0:
        raise HistoryError("a fit needs at least one customer who has been observed for a while", customers=len(known))
    scaled = rows.scaled(unit)
    best = min((_climb(start, scaled, weights) for start in _STARTS), key=lambda found: found[1])
    r, alpha, a, b = np.exp(best[0]).tolist()
    at = float(_minus_log_likelihood(best[0], scaled, weights)[0])
    repeats = float(weights @ rows.frequency)
    likelihood = -at * weights.sum() - repeats * np.log(unit)
    found = BgNbd(r=r, alpha=alpha * unit, a=a, b=b, log_likelihood=float(likelihood), customers=len(known))
    said = _boundary(best[0], found, known)
    return BgNbd(
        r=r, alpha=alpha * unit, a=a, b=b, log_likelihood=found.log_likelihood, customers=len(known), boundary=said
    )


def _climb(start: tuple[float, ...], rows: Histories, weights: Floats) -> tuple[Floats, float]:
    def penalised(logs: Floats) -> tuple[float, Floats]:
        value, slope = _minus_log_likelihood(logs, rows, weights)
        return value + _PENALTY * float(logs @ logs), slope + 2 * _PENALTY * logs

    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9}
    found = minimize(penalised, np.log(start), jac=True, method="L-BFGS-B", bounds=[(_LOW, _HIGH)] * 4, options=options)
    return np.asarray(found.x), float(found.fun)


def _minus_log_likelihood(logs: Floats, rows: Histories, weights: Floats) -> tuple[float, Floats]:
    """The mean over customers of equation (6), and its slope by the logarithms of r, alpha, a, b."""
    r, alpha, a, b = np.exp(logs)
    x, until_last, until_now = rows.frequency, np.log(alpha + rows.recency), np.log(alpha + rows.age)
    repeated = x > 0
    there = -(r + x) * until_now
    last = np.where(repeated, b + x - 1, 1.0)
    gone = np.where(repeated, np.log(a) - np.log(np.maximum(last, 1e-300)) - (r + x) * until_last, -np.inf)
    either = np.logaddexp(there, gone)
    left = np.exp(gone - either)
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + either
    value = value + gammaln(a + b) - gammaln(a + b + x) + gammaln(b + x) - gammaln(b)
    both = digamma(a + b) - digamma(a + b + x)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - (1 - left) * until_now - left * until_last
    by_alpha = r / alpha - (r + x) * ((1 - left) / (alpha + rows.age) + left / (alpha + rows.recency))
    by_a = both + left / a
    by_b = both + digamma(b + x) - digamma(b) - np.where(repeated, left / last, 0.0)
    slope = np.array([r * (weights @ by_r), alpha * (weights @ by_alpha), a * (weights @ by_a), b * (weights @ by_b)])
    total = weights.sum()
    return float(-(weights @ value) / total), -slope / total


def _boundary(logs: Floats, found: BgNbd, known: Histories) -> str:
    r, _, a, b = logs
    without_leaving = fit_nbd(known.frequency, known.age)
    if known.frequency.sum() == 0:
        return "nobody has bought twice"
    if found.log_likelihood - without_leaving.log_likelihood < _FEWEST_GAIN:
        return "the histories do not show that anybody leaves"
    if min(a, b) < _LOW + _NEAR or max(a, b) > _HIGH - _NEAR:
        return "the chance to leave after a purchase has no distribution that the histories can tell"
    if r < _LOW + _NEAR or r > _HIGH - _NEAR:
        return "the rates of buying have no distribution that the histories can tell"
    return ""
