"""How many units an experiment needs, what it can find, and for how many days it should run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

FULL_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What an experiment should find: the two-sided error, and the chance of finding an effect of the asked size."""

    alpha: float = 0.05
    power: float = 0.8

    @property
    def reach(self) -> float:
        """How many standard errors the effect has to be."""
        return float(stats.norm.ppf(1 - self.alpha / 2) + stats.norm.ppf(self.power))


DEFAULT_AIM = Aim()


def units_for_rates(baseline: float, relative_lift: float, aim: Aim = DEFAULT_AIM) -> float:
    """Units an arm to find a lift of a rate, by unpooled variances (as statsmodels' arcsine effect, within some units).

    >>> math.ceil(units_for_rates(0.05, 0.1))
    31231
    """
    other = baseline * (1 + relative_lift)
    variance = baseline * (1 - baseline) + other * (1 - other)
    return aim.reach**2 * variance / (other - baseline) ** 2


def units_for_means(
    mean: float, sd: float, relative_lift: float, aim: Aim = DEFAULT_AIM, *, explained: float = 0.0
) -> float:
    """Units an arm to find a lift of a mean; `explained` is the share of variance that the past explains (CUPED's gain)."""
    return 2 * (1 - explained) * (aim.reach * sd / (mean * relative_lift)) ** 2


def least_lift_of_rate(baseline: float, units_an_arm: float, aim: Aim = DEFAULT_AIM) -> float:
    """The smallest relative lift of a rate that so many units an arm find with the aimed power, by the baseline's variance.

    >>> round(least_lift_of_rate(0.05, 10_000), 4)
    0.1727
    """
    return aim.reach * math.sqrt(2 * baseline * (1 - baseline) / units_an_arm) / baseline


def power_at(effect: float, se: float, alpha: float = 0.05) -> float:
    """The chance that one planned look finds an effect, given its standard error then."""
    critical = float(stats.norm.ppf(1 - alpha / 2))
    return float(stats.norm.sf(critical - abs(effect) / se) + stats.norm.cdf(-critical - abs(effect) / se))


def days_needed(units_an_arm: float, arms: int, units_a_day: float) -> int:
    """Whole weeks, since a week's days differ; at least one.

    >>> days_needed(1000, 2, 250)
    14
    """
    if units_a_day <= 0:
        raise ValueError("an experiment that nobody comes to never ends")
    weeks = math.ceil(units_an_arm * arms / units_a_day / FULL_WEEK_DAYS)
    return max(weeks, 1) * FULL_WEEK_DAYS
