"""Gamma-Gamma: what a customer spends on one purchase, drawn towards the shop's mean as far as few purchases demand.

The amount of a purchase is gamma distributed around a personal mean, and personal means are inverse-gamma over customers. Source: Fader,
Hardie and Lee 2005, Journal of Marketing Research 42(4); Fader and Hardie 2013, "The Gamma-Gamma model of monetary value". It assumes
that spend does not hang together with how often somebody buys, so the correlation is part of the fit; where that is .3 or more
in size, or the fit has no finite mean, the mean is drawn to the shop's by credibility (Bühlmann 1967) instead. Amounts in any one unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from models.value.histories import HistoryError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

MOST_CORRELATION = 0.3
FEWEST_BUYERS = 20
_LOW, _HIGH = np.log(1e-3), np.log(1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """The mean of a purchase given x of them with mean m: (weight * m + (1 - weight) * shop), weight = x / (x + needed).

    For Gamma-Gamma `needed` is (q - 1) / p and `shop` v p / (q - 1); `p`, `q`, `v` are 0 under credibility alone.
    """

    p: float
    q: float
    v: float
    shop: float
    needed: float
    correlation: float
    buyers: int
    rung: str
    why: str = ""

    def expected(self, purchases: ArrayLike, mean: ArrayLike) -> Floats:
        """Shape (customers,): what the next purchase is expected to bring; of somebody unknown the shop's mean."""
        x, seen = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (purchases, mean))
        weight = np.where(x > 0, x / (x + self.needed), 0.0)
        return np.asarray(weight * seen + (1 - weight) * self.shop)


def fit_spend(purchases: ArrayLike, mean: ArrayLike) -> Spend:
    """Gamma-Gamma over the customers with a purchase and a positive mean; credibility where its assumptions do not hold.

    >>> round(fit_spend([1, 2], [100.0, 100.0]).shop)
    100
    """
    x, seen = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (purchases, mean))
    usable = (x > 0) & (seen > 0)
    x, seen = x[usable], seen[usable]
    if x.size == 0:
        raise HistoryError("spend is learned from at least one purchase with an amount", customers=int(usable.size))
    varies = x.size > 2 and x.std() > 0 and seen.std() > 0
    correlation = float(np.corrcoef(x, seen)[0, 1]) if varies else 0.0
    if x.size < FEWEST_BUYERS or not varies:
        return _credible(x, seen, correlation, f"only {x.size} customers with amounts that differ")
    if abs(correlation) >= MOST_CORRELATION:
        return _credible(x, seen, correlation, f"spend hangs together with frequency (correlation {correlation:.2f})")
    unit = float(seen.mean())
    starts = [np.log(start) for start in ((3.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 2.0, 2.0))]
    args = (x, seen / unit)
    bounds = [(_LOW, _HIGH)] * 3
    best = min((minimize(_minus, s, args=args, jac=True, method="L-BFGS-B", bounds=bounds) for s in starts), key=_value)
    p, q, v = np.exp(best.x).tolist()
    if q <= 1.05 or best.x.max() > _HIGH - 0.05 or best.x.min() < _LOW + 0.05:
        return _credible(x, seen, correlation, "the amounts have no Gamma-Gamma with a finite mean")
    return Spend(
        p=p,
        q=q,
        v=v * unit,
        shop=v * unit * p / (q - 1),
        needed=(q - 1) / p,
        correlation=correlation,
        buyers=int(x.size),
        rung="Gamma-Gamma",
    )


def _value(found: object) -> float:
    return float(getattr(found, "fun", np.inf))


def _minus(logs: Floats, x: Floats, seen: Floats) -> tuple[float, Floats]:
    """Minus the mean log-likelihood of equation (1a), and its slope by the logarithms of p, q, v."""
    p, q, v = np.exp(logs)
    px, total = p * x, v + seen * x
    value = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
    value = value + (px - 1) * np.log(seen) + px * np.log(x) - (px + q) * np.log(total)
    by_p = x * (digamma(px + q) - digamma(px) + np.log(seen * x) - np.log(total))
    by_q = digamma(px + q) - digamma(q) + np.log(v) - np.log(total)
    by_v = q / v - (px + q) / total
    return -float(value.mean()), -np.array([p * by_p.mean(), q * by_q.mean(), v * by_v.mean()])


def _credible(x: Floats, seen: Floats, correlation: float, why: str) -> Spend:
    """Bühlmann-Straub with moments: the shop's mean is that of its purchases, and purchases needed = variance within / between."""
    shop = float((x @ seen) / x.sum())
    between, needed = 0.0, 5.0
    if x.size >= FEWEST_BUYERS:
        many = x >= 2
        spread = float((x @ (seen - shop) ** 2) / x.sum())
        between = float(np.var(seen[many])) if many.sum() > 2 else spread / 2
        needed = float(np.clip(max(spread - between, spread / 10) / max(between, 1e-9) * 1.0, 0.5, 50.0))
    return Spend(
        p=0.0,
        q=0.0,
        v=0.0,
        shop=shop,
        needed=needed,
        correlation=correlation,
        buyers=int(x.size),
        rung="credibility",
        why=why,
    )
