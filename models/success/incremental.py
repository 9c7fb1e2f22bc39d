"""What a programme of offers earned beyond what would have come anyway: a mean difference per unit, its total, and an interval.

Units are customers at their first exposure, offered or held out by a draw; `y` is a unit's money after it and `x` the same before it,
in minor units. The difference is adjusted by the past with one pooled coefficient (CUPED, Deng et al. 2013). What is estimated is what
offers brought those who got them, so its error is that of two samples of what would have come anyway: the offered, who are many, tell its
spread better than a small holdout, in which the few large customers are mostly missing. The interval is therefore the wider of Welch's and
of Student's with the pooled spread: where money is heavy-tailed and 50 are held out, Welch's alone holds the truth 88 times in 100 and
this at least 95 times (`tests/models/success/test_coverage.py`). It needs sums only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from scipy import stats

from models.experiments.inference.contrast import NotComputable, adjusted

if TYPE_CHECKING:
    from models.experiments.inference.sums import Pairs, Summary

FEWEST_HELD_OUT: Final = 30
FEWEST_OFFERED: Final = 30
FEWEST_TIME: Final = timedelta(days=7)
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class TooEarly:
    """No figure yet, and since when or from how many on there will be one."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incremental:
    """Per offered unit and in all, in minor units. `mean_held_out` is what an offered unit would have brought without offers."""

    offered: int
    held_out: int
    mean_offered: float
    mean_held_out: float
    difference: float
    low: float
    high: float

    @property
    def total(self) -> float:
        """What all the offered brought together beyond what would have come."""
        return self.difference * self.offered

    @property
    def total_low(self) -> float:
        """The total's lower bound."""
        return self.low * self.offered

    @property
    def total_high(self) -> float:
        """The total's upper bound."""
        return self.high * self.offered

    @property
    def is_sure(self) -> bool:
        """Whether no difference lies outside the interval."""
        return self.low > 0 or self.high < 0


Estimate = Incremental | TooEarly | NotComputable


def estimate(
    offered: Pairs, held_out: Pairs, *, running: timedelta, level: float = LEVEL, uses_past: bool = True
) -> Estimate:
    """The estimate after the programme ran for `running`; masked before a full week and the fewest units of each arm.

    >>> from models.experiments.inference.sums import Pairs
    >>> paid, kept = Pairs.of([32.0, 10.0, 28.0, 10.0] * 25, [10.0, 0.0] * 50), Pairs.of([20.0, 0.0] * 20, [10.0, 0.0] * 20)
    >>> found = estimate(paid, kept, running=timedelta(days=30))
    >>> round(found.difference, 9), round(found.total, 6), found.is_sure
    (10.0, 1000.0, True)
    >>> estimate(paid, kept, running=timedelta(days=3)).reason
    'Shown after 7 full days; 3 have passed since the first exposure.'
    """
    early = too_early(offered.n, held_out.n, running=running)
    if early is not None:
        return early
    one, other = _arms(offered, held_out, uses_past=uses_past)
    half = _half(one, other, level)
    if half == 0:
        return NotComputable("nothing varies in either arm")
    difference = one.mean - other.mean
    return Incremental(
        offered=offered.n,
        held_out=held_out.n,
        mean_offered=offered.mean_y,
        mean_held_out=offered.mean_y - difference,
        difference=difference,
        low=difference - half,
        high=difference + half,
    )


def too_early(offered: int, held_out: int, *, running: timedelta) -> TooEarly | None:
    """Why nothing may be read yet, or None."""
    if running < FEWEST_TIME:
        return TooEarly(
            f"Shown after {FEWEST_TIME.days} full days; {max(running.days, 0)} have passed since the first exposure."
        )
    if held_out < FEWEST_HELD_OUT:
        return TooEarly(f"Shown from {FEWEST_HELD_OUT} customers in the holdout; there are {held_out}.")
    if offered < FEWEST_OFFERED:
        return TooEarly(f"Shown from {FEWEST_OFFERED} customers who were offered something; there are {offered}.")
    return None


def _arms(offered: Pairs, held_out: Pairs, *, uses_past: bool) -> tuple[Summary, Summary]:
    if not uses_past:
        return _plain(offered), _plain(held_out)
    held, paid, _ = adjusted(held_out, offered)
    return paid, held


@dataclass(frozen=True, slots=True)
class _Arm:
    n: int
    mean: float
    variance: float


def _plain(arm: Pairs) -> _Arm:
    return _Arm(arm.n, arm.mean_y, arm.variance_y)


def _half(one: Summary, other: Summary, level: float) -> float:
    """Half of the interval: the wider of Welch's and of the pooled one."""
    tail = (1 - level) / 2
    of_one, of_other = one.variance / one.n, other.variance / other.n
    if of_one + of_other <= 0:
        return 0.0
    freedom = (of_one + of_other) ** 2 / (of_one**2 / (one.n - 1) + of_other**2 / (other.n - 1))
    welch = float(stats.t.isf(tail, freedom)) * math.sqrt(of_one + of_other)
    both = one.n + other.n - 2
    spread = ((one.n - 1) * one.variance + (other.n - 1) * other.variance) / both
    pooled = float(stats.t.isf(tail, both)) * math.sqrt(spread * (1 / one.n + 1 / other.n))
    return max(welch, pooled)
