"""How well an order of customers finds uplift: the Qini coefficient, AUUC and uplift at a share, from a randomised test set.

Customers are ranked from the highest score. At a share of them the Qini curve is the treated responders less the control responders scaled
to the treated, per treated customer (Radcliffe 2007); the coefficient is the area between the curve and the straight line to its end.
The gain of AUUC is the difference of the arms' means times the share targeted. Ties enter together, so equal scores have no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.uplift.contract import UpliftError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Cumulative over shares of the ranking, from 0 to 1: `qini` a treated customer, `gain` a customer; shape (points,) each."""

    share: Floats
    qini: Floats
    gain: Floats

    @property
    def coefficient(self) -> float:
        """The Qini coefficient: 0 for a random order in expectation, below 0 for one that is worse."""
        return float(np.trapezoid(self.qini - self.share * self.qini[-1], self.share))

    @property
    def auuc(self) -> float:
        """The area under the gain."""
        return float(np.trapezoid(self.gain, self.share))


def curve(score: Floats, treated: Flags, outcome: Floats) -> Curve:
    """Both curves of a ranking.

    >>> four = curve(np.array([4.0, 3, 2, 1]), np.array([True, False, True, False]), np.array([1.0, 0, 0, 0]))
    >>> four.qini.tolist(), four.coefficient
    ([0.0, 0.5, 0.5, 0.5, 0.5], 0.1875)
    """
    if not score.shape == treated.shape == outcome.shape or not 0 < treated.sum() < treated.size:
        raise UpliftError(
            "a curve needs both arms, and a score, an arm and an outcome for each row", rows=int(score.size)
        )
    order = np.argsort(-score, kind="stable")
    arm, found, ranked = treated[order], outcome[order], score[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), score.size - 1)
    with_offer, without = np.cumsum(arm)[ends], np.cumsum(~arm)[ends]
    here, there = np.cumsum(np.where(arm, found, 0.0))[ends], np.cumsum(np.where(arm, 0.0, found))[ends]
    size = ends + 1
    mean_here = np.divide(here, with_offer, out=np.zeros(ends.size), where=with_offer > 0)
    mean_there = np.divide(there, without, out=np.zeros(ends.size), where=without > 0)
    both = (with_offer > 0) & (without > 0)
    qini = (here - mean_there * with_offer) / arm.sum()
    gain = np.where(both, (mean_here - mean_there) * size / score.size, 0.0)
    start = np.zeros(1)
    return Curve(
        share=np.concatenate([start, size / score.size]),
        qini=np.concatenate([start, qini]),
        gain=np.concatenate([start, gain]),
    )


def qini(score: Floats, treated: Flags, outcome: Floats) -> float:
    """The Qini coefficient, per treated customer."""
    return curve(score, treated, outcome).coefficient


def uplift_at(score: Floats, treated: Flags, outcome: Floats, share: float) -> float:
    """The difference of the arms' mean outcomes among the `share` of customers that rank highest; 0 where an arm is missing there."""
    top = np.argsort(-score, kind="stable")[: max(1, round(share * score.size))]
    arm, found = treated[top], outcome[top]
    if not 0 < arm.sum() < arm.size:
        return 0.0
    return float(found[arm].mean() - found[~arm].mean())
