"""Which of the allowed offers is shown: mostly the one believed best, now and then another, and with what chance each.

Thompson sampling shows each candidate as often as it is believed to be the best; a share of exploration is spread evenly over all. The
chance to be best under independent normal beliefs is an integral over one of them,

    P(i is best) = integral of phi(z) * product over j of Phi((mean_i + sd_i z - mean_j) / sd_j) dz,

taken by Gauss-Hermite quadrature. The chosen is then drawn with exactly these numbers, so the logged propensity is the true one however
good the quadrature is. Source: Russo et al., A Tutorial on Thompson Sampling (2018).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.offers.worth import Worth

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
_SHARES: Final = _WEIGHTS / _WEIGHTS.sum()
_LEAST_SD: Final = 1e-6
_BEND: Final = 0.044715
_SLOPE: Final = float(np.sqrt(2 / np.pi))


def propensities(worths: Sequence[Worth], explore: float) -> tuple[float, ...]:
    """The chance of each candidate to be shown; they sum to 1. Where nothing was tried yet the first by priority stands for the best."""
    count = len(worths)
    if count == 1:
        return (1.0,)
    if any(worth.is_tried for worth in worths):
        best = chances_of_best([worth.gain for worth in worths], [worth.gain_sd for worth in worths])
    else:
        best = (1.0, *[0.0] * (count - 1))
    return tuple((1 - explore) * chance + explore / count for chance in best)


def chances_of_best(means: Sequence[float], sds: Sequence[float]) -> tuple[float, ...]:
    """The chance of each of several independent normal quantities to be the largest.

    >>> [round(chance, 2) for chance in chances_of_best([0.0, 0.0], [1.0, 1.0])]
    [0.5, 0.5]
    >>> [round(chance, 3) for chance in chances_of_best([1.0, 0.0], [1.0, 1.0])]  # Phi(1 / sqrt(2)) = 0.760
    [0.76, 0.24]
    """
    mean = np.asarray(means)
    sd = np.maximum(np.asarray(sds), _LEAST_SD)
    at = mean[:, None] + sd[:, None] * _NODES
    below = _normal_cdf((at[:, :, None] - mean) / sd)
    own = np.arange(mean.size)
    below[own, :, own] = 1.0
    chance = below.prod(axis=2) @ _SHARES
    total = float(chance.sum())
    return tuple((chance / total).tolist()) if total > 0 else tuple((mean == mean.max()).astype(float).tolist())


def draw(chances: Sequence[float], seed: int) -> int:
    """The place that a seed draws with these chances; the same seed draws the same."""
    at, reached = Random(seed).random(), 0.0
    for place, chance in enumerate(chances):
        reached += chance
        if at < reached:
            return place
    return max(range(len(chances)), key=chances.__getitem__)


def _normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard normal distribution function within 0.0003, by its logistic approximation (Page, 1977)."""
    bounded = np.minimum(np.maximum(x, -9.0), 9.0)
    found: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(bounded * (_SLOPE + _SLOPE * _BEND * (bounded * bounded)))
    return found
