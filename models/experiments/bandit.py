"""Shares that follow success, and a read-out that stays fair although they did: logged propensities undo the drift.

Shares are chances of being best, tempered by a floor so that every arm goes on being seen. Plain means of an adaptively filled arm are
biased; the read-out weights each outcome by the inverse of the propensity it was shown with (Hajek's form), which stays right when
shares change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.experiments.inference.best import chance_best, chance_best_rate
from models.experiments.inference.contrast import NotComputable
from models.experiments.inference.sums import Summarised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from features.experiments.moments import Weighted
    from models.experiments.inference.sums import Cases, Summary

FLOOR = 0.05


def shares(arms: Sequence[Cases], floor: float = FLOOR) -> tuple[float, ...]:
    """What share of the units each arm gets next; they sum to 1 and none is below the floor.

    >>> from models.experiments.inference.sums import Cases
    >>> [round(share, 2) for share in shares([Cases(100, 5), Cases(100, 30)])]
    [0.05, 0.95]
    """
    if not 0 <= floor * len(arms) <= 1:
        raise ValueError(f"a floor of {floor} for {len(arms)} arms leaves nothing to learn with")
    best = chance_best_rate(arms)
    return tuple(floor + (1 - floor * len(arms)) * chance for chance in best)


def shares_of_means(arms: Sequence[Summary], floor: float = FLOOR) -> tuple[float, ...]:
    """The same where outcomes are amounts: by normal posteriors around the means that were seen."""
    if not 0 <= floor * len(arms) <= 1:
        raise ValueError(f"a floor of {floor} for {len(arms)} arms leaves nothing to learn with")
    return tuple(floor + (1 - floor * len(arms)) * chance for chance in chance_best(arms))


@dataclass(frozen=True, slots=True)
class Logged:
    """What was shown: the arm, the propensity it had then, and the outcome; each shape (n,)."""

    arm: NDArray[np.int64]
    propensity: NDArray[np.float64]
    outcome: NDArray[np.float64]


def read_out(logged: Logged, arm: int) -> Summarised | NotComputable:
    """The mean outcome had everybody been shown this arm, with its variance, from outcomes weighted by inverse propensity."""
    shown = logged.arm == arm
    if shown.sum() < 2:
        return NotComputable("the arm was shown fewer than twice")
    n = logged.arm.size
    weight = np.where(shown, 1 / logged.propensity, 0.0)
    mean = float((weight * logged.outcome).sum() / weight.sum())
    influence = weight * (logged.outcome - mean) / (weight.sum() / n)
    return Summarised(n, mean, float(influence.var(ddof=1)))


def read_out_of(sums: Weighted) -> Summarised | NotComputable:
    """The same from sums over units that the database made, of weights 1 / propensity."""
    if sums.shown < 2 or sums.w <= 0:
        return NotComputable("the arm was shown fewer than twice")
    mean = sums.wy / sums.w
    per_unit = sums.w / sums.n
    spread = sums.wwyy - 2 * mean * sums.wwy + mean * mean * sums.ww
    return Summarised(sums.n, mean, max(spread, 0.0) / (per_unit * per_unit) / (sums.n - 1))
