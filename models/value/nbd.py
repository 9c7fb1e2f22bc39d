"""NBD: purchases at gamma-distributed rates of customers who never leave; what remains of BG/NBD when nobody is seen to leave.

The expectation is the customer's own rate, drawn towards the shop's: t (r + x) / (alpha + age). Source: Ehrenberg 1959; Greenwood and
Yule 1920 for the mixture. With few purchases the two numbers themselves are uncertain, so `weak_nbd` sets the shape and takes the
shop's pooled rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from models.value.histories import HistoryError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_LOW, _HIGH = np.log(1e-5), np.log(1e5)
WEAK_SHAPE = 0.5
"""A shape between what shops show (a quarter to one): a customer's own history counts soon, but not alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nbd:
    """`alpha` is in the unit of time of the ages."""

    r: float
    alpha: float
    log_likelihood: float
    name: ClassVar[str] = "NBD"

    def probability_alive(self, frequency: ArrayLike, _recency: ArrayLike, _age: ArrayLike) -> Floats:
        """Shape (customers,): 1, since this model knows no leaving."""
        return np.ones(np.atleast_1d(np.asarray(frequency, dtype=np.float64)).shape)

    def expected_purchases(self, t: float, frequency: ArrayLike, _recency: ArrayLike, age: ArrayLike) -> Floats:
        """Shape (customers,): purchases expected in the next `t`."""
        x, total = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, age))
        return np.asarray(t * (self.r + x) / (self.alpha + total))

    def expected_repeats(self, t: ArrayLike) -> Floats:
        """Shape of `t`: repeat purchases of a new customer in the first `t`."""
        return np.atleast_1d(np.asarray(t, dtype=np.float64)) * self.r / self.alpha


def fit_nbd(frequency: ArrayLike, age: ArrayLike) -> Nbd:
    """Maximum likelihood from the repeats and the ages; the likelihood counts ordered purchase times, as BG/NBD does."""
    x, total = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, age))
    if x.size == 0 or total.sum() <= 0:
        raise HistoryError("a fit needs at least one customer who has been observed for a while", customers=int(x.size))
    unit = float(total.mean())
    rows, weights = np.unique(np.column_stack([x, total / unit]), axis=0, return_counts=True)
    rate = max(float(x.sum() / (total.sum() / unit)), 1e-4)
    starts = [np.log([shape, shape / rate]) for shape in (0.3, 1.0, 5.0)]
    bounds = [(_LOW, _HIGH)] * 2
    tries = [
        minimize(_minus, np.clip(start, _LOW, _HIGH), args=(rows, weights), jac=True, method="L-BFGS-B", bounds=bounds)
        for start in starts
    ]
    best = min(tries, key=lambda found: float(found.fun))
    r, alpha = np.exp(best.x).tolist()
    likelihood = -float(best.fun) * x.size - float(x.sum()) * np.log(unit)
    return Nbd(r=r, alpha=alpha * unit, log_likelihood=float(likelihood))


def weak_nbd(frequency: ArrayLike, age: ArrayLike, *, prior_rate: float) -> Nbd:
    """The pooled rate of a shop with few purchases, itself drawn to `prior_rate` (per unit of time) by one purchase's worth of waiting."""
    x, total = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, age))
    if prior_rate <= 0:
        raise HistoryError("a prior rate is above 0", prior_rate=prior_rate)
    rate = float((x.sum() + 1) / (total.sum() + 1 / prior_rate))
    return Nbd(r=WEAK_SHAPE, alpha=WEAK_SHAPE / rate, log_likelihood=float("nan"))


def _minus(logs: Floats, rows: Floats, weights: NDArray[np.int64]) -> tuple[float, Floats]:
    r, alpha = np.exp(logs)
    x, age = rows.T
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age)
    by_r = digamma(r + x) - digamma(r) + np.log(alpha) - np.log(alpha + age)
    by_alpha = r / alpha - (r + x) / (alpha + age)
    slope = np.array([r * (weights @ by_r), alpha * (weights @ by_alpha)])
    return float(-(weights @ value) / weights.sum()), np.asarray(-slope / weights.sum())
