"""Looks that were planned: bounds that spend the error over them (Lan & DeMets 1983, O'Brien and Fleming's shape), for the most power.

Where a confidence sequence may be read for ever, this needs the full size in advance and no more looks than planned; in return its last
bound lies close to a fixed test's. The error is spent by information fraction t as 2(1 - Phi(z / sqrt(t))), z the fixed test's bound.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_POINTS = 401
_FAR = 8.0


class LooksError(ValueError):
    """Information fractions rise from above 0 to 1."""


def spent(fractions: Sequence[float], alpha: float = 0.05) -> tuple[float, ...]:
    """The two-sided error spent by each look.

    >>> [round(part, 6) for part in spent([0.5, 1.0])]
    [0.005575, 0.05]
    """
    if not fractions or any(b <= a for a, b in zip((0.0, *fractions), fractions, strict=False)) or fractions[-1] > 1:
        raise LooksError(f"information fractions rise from above 0 to at most 1, not {list(fractions)}")
    fixed = float(stats.norm.ppf(1 - alpha / 2))
    return tuple(float(2 * stats.norm.sf(fixed / math.sqrt(t))) for t in fractions)


def bounds(fractions: Sequence[float], alpha: float = 0.05) -> tuple[float, ...]:
    """How many standard errors the effect must have at each look, either way.

    Found look by look from the density of what has not crossed yet (Armitage, McPherson & Rowe 1969).

    >>> [round(bound, 3) for bound in bounds([0.5, 1.0])]
    [2.772, 1.979]
    """
    return _bounds(tuple(fractions), alpha)


@lru_cache(maxsize=256)
def _bounds(fractions: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    found: list[float] = []
    grid: Floats = np.zeros(1)
    density: Floats = np.ones(1)  # of the not yet crossed: a point mass at 0 before the first look
    before, used = 0.0, 0.0
    for t, level in zip(fractions, spent(fractions, alpha), strict=True):
        step = math.sqrt(t - before)
        bound = _bound(grid, density, step, t, level - used)
        found.append(bound)
        inside = np.linspace(-bound * math.sqrt(t), bound * math.sqrt(t), _POINTS)
        passed = stats.norm.pdf((inside[:, None] - grid[None, :]) / step) / step @ density
        grid, density = inside, passed * _simpson(inside)
        before, used = t, level
    return tuple(found)


def _bound(grid: Floats, density: Floats, step: float, t: float, level: float) -> float:
    """The bound that what has not crossed before crosses now with probability `level`."""

    def crossing(bound: float) -> float:
        edge = bound * math.sqrt(t)
        tails = stats.norm.sf((edge - grid) / step) + stats.norm.cdf((-edge - grid) / step)
        return float(tails @ density) - level

    return _FAR if crossing(_FAR) > 0 else float(optimize.brentq(crossing, 0.0, _FAR, xtol=1e-10))


def _simpson(points: Floats) -> Floats:
    weights = np.ones(points.size)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return np.asarray(weights * (points[1] - points[0]) / 3)
