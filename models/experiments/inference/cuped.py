"""Takes out of an outcome what a unit's own past explains (Deng et al. 2013), with an indicator for units that have no past.

Two covariates: the past value `x` (0 where there is none) and `m`, 1 where there is none. One pooled pair of coefficients moves all arms,
so that a new customer is compared with new customers and is not taken for one who never bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.experiments.inference.sums import Summarised

if TYPE_CHECKING:
    from features.experiments.moments import Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """Both arms moved to the pooled past; `explained` is the share of the pooled variance that the past took."""

    control: Summarised
    treatment: Summarised
    explained: float


@dataclass(frozen=True, slots=True)
class _Spread:
    """Variances and covariances of y, x and m in an arm."""

    yy: float
    xx: float
    mm: float
    xm: float
    xy: float
    my: float


def adjust(control: Moments, treatment: Moments) -> Adjusted:
    """Both arms' means and variances after the adjustment; each arm needs two units."""
    pooled = control + treatment
    spread = _spread(pooled)
    theta = _theta(spread)
    centre = pooled.x / pooled.n, pooled.m / pooled.n
    left = _left(spread, theta)
    explained = 1 - left / spread.yy if spread.yy > 0 else 0.0
    return Adjusted(
        control=_moved(control, theta, centre),
        treatment=_moved(treatment, theta, centre),
        explained=min(max(explained, 0.0), 1.0),
    )


def _moved(arm: Moments, theta: tuple[float, float], centre: tuple[float, float]) -> Summarised:
    by_x, by_m = theta
    mean = arm.y / arm.n - by_x * (arm.x / arm.n - centre[0]) - by_m * (arm.m / arm.n - centre[1])
    return Summarised(arm.n, mean, max(_left(_spread(arm), theta), 0.0))


def _left(spread: _Spread, theta: tuple[float, float]) -> float:
    """The variance of y - theta . (x, m)."""
    by_x, by_m = theta
    taken = by_x * by_x * spread.xx + by_m * by_m * spread.mm + 2 * by_x * by_m * spread.xm
    return spread.yy - 2 * (by_x * spread.xy + by_m * spread.my) + taken


def _theta(spread: _Spread) -> tuple[float, float]:
    """Least squares of y on x and m; on the one that varies where only one does."""
    whole = spread.xx * spread.mm - spread.xm * spread.xm
    if whole > 1e-9 * spread.xx * spread.mm:
        by_x = (spread.xy * spread.mm - spread.my * spread.xm) / whole
        return by_x, (spread.my * spread.xx - spread.xy * spread.xm) / whole
    if spread.xx > 0:
        return spread.xy / spread.xx, 0.0
    return 0.0, spread.my / spread.mm if spread.mm > 0 else 0.0


def _spread(sums: Moments) -> _Spread:
    n = sums.n
    if n < 2:
        return _Spread(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def covariance(products: float, one: float, two: float) -> float:
        return (products - one * two / n) / (n - 1)

    return _Spread(
        yy=max(covariance(sums.yy, sums.y, sums.y), 0.0),
        xx=max(covariance(sums.xx, sums.x, sums.x), 0.0),
        mm=max(covariance(sums.m, sums.m, sums.m), 0.0),
        xm=covariance(0.0, sums.x, sums.m),
        xy=covariance(sums.xy, sums.x, sums.y),
        my=covariance(sums.my, sums.m, sums.y),
    )
