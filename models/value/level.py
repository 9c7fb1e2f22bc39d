"""The level of a forecast: how far the totals of earlier forecasts were off, learned at several days inside the past.

A model of buying is fitted at days between the half and four fifths of the history and asked for the rest of it, as if it were unknown.
The error of the total grows with how far is looked ahead against how long was looked back, so one slope is learned for the
logarithm of (actual / forecast) over (horizon / observed time), drawn to no correction by how unsure the backtests are.
Nothing at or after the moment of the forecast is ever read. A season that has not been seen yet is not corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.value.orders import Orders

SHARES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
PRIOR_SPREAD = 0.15
"""How far the slope of a shop is usually from 0: one standard deviation."""
_OVERDISPERSION = 3.0
"""Variance of a total of purchases over its mean, as heavy buyers make it."""
FEWEST_PURCHASES = 30
_FARTHEST = 1.5
"""Times the longest relative horizon that was tried: beyond it the slope is not trusted to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """One forecast inside the past: from `day`, over `horizon_days`, in purchases."""

    day: int
    observed_days: int
    horizon_days: int
    forecast: float
    actual: int

    @property
    def relative(self) -> float:
        """The horizon as a multiple of the time that had been observed."""
        return self.horizon_days / self.observed_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """`factor` multiplies a forecast; `spread` is the standard deviation of the slope."""

    slope: float
    spread: float
    farthest: float
    backtests: tuple[Backtest, ...]

    def factor(self, horizon_days: float, observed_days: float) -> float:
        """What the total of a forecast is multiplied by."""
        return float(np.exp(self.slope * self._relative(horizon_days, observed_days)))

    def bounds(self, horizon_days: float, observed_days: float) -> tuple[float, float]:
        """A 95 % interval of the factor."""
        relative = self._relative(horizon_days, observed_days)
        low, high = np.exp(relative * (self.slope + np.array([-1.96, 1.96]) * self.spread)).tolist()
        return low, high

    def _relative(self, horizon_days: float, observed_days: float) -> float:
        return min(horizon_days / max(observed_days, 1.0), self.farthest)


UNCORRECTED = Level(slope=0.0, spread=PRIOR_SPREAD, farthest=_FARTHEST, backtests=())


def learn_level(
    orders: Orders, until_day: int, forecast: Callable[[Orders, int, int], float], *, shares: Sequence[float] = SHARES
) -> Level:
    """The level of `forecast(orders before a day, that day, horizon)`, a total of purchases, from the orders before `until_day`."""
    known = orders.before(until_day)
    if len(known) == 0:
        return UNCORRECTED
    start = int(known.day.min())
    days = sorted({start + round((until_day - start) * share) for share in shares})
    found = []
    for day in days:
        past = known.before(day)
        if len(past) - past.customers.size < FEWEST_PURCHASES or not start < day < until_day:
            continue
        actual = int(known.within(day, until_day, past.customers)[0].sum())
        ahead = until_day - day
        total = forecast(past, day, ahead)
        if actual >= FEWEST_PURCHASES and total > 0:
            found.append(
                Backtest(day=day, observed_days=day - start, horizon_days=ahead, forecast=total, actual=actual)
            )
    return level_of(found)


def level_of(backtests: Sequence[Backtest]) -> Level:
    """The slope by weighted least squares with a prior; the backtests overlap, so together they count as one of mean size."""
    if not backtests:
        return UNCORRECTED
    relative = np.array([test.relative for test in backtests])
    actual = np.array([float(test.actual) for test in backtests])
    error = np.log(actual / np.array([test.forecast for test in backtests]))
    weight = actual / (_OVERDISPERSION * len(backtests))
    precision = float((weight * relative**2).sum()) + 1 / PRIOR_SPREAD**2
    slope = float((weight * relative * error).sum()) / precision
    return Level(
        slope=slope, spread=precision**-0.5, farthest=_FARTHEST * float(relative.max()), backtests=tuple(backtests)
    )
