"""What a subscriber's contract is worth: the chance that it still runs in each coming month, times its margin, discounted.

Months that a subscription has run end in leaving or go on; the chance to leave differs between customers (beta distributed), so that who
has stayed long is likely to stay. Source: Fader and Hardie 2007, "How to project customer retention" (the shifted beta geometric). A
chance to leave that a churn model tells for the next month shifts the first months of the curve and fades out. Amounts are minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, expit, logit

from models.value.histories import HistoryError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_LOW, _HIGH = np.log(0.05), np.log(500.0)
_FADE = 0.75
"""How much of what a churn model says of the next month still holds for the one after it."""
_PRIOR = (1.0, 12.0)
"""One in thirteen leaves in the first month, where a shop has seen nobody leave: as if one such customer had been."""
FEWEST_ENDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The beta distribution of the monthly chance to leave; `rung` names how it was found."""

    alpha: float
    beta: float
    ended: int
    rung: str

    def staying(self, months_so_far: ArrayLike, horizon_months: int, next_month: Floats | None = None) -> Floats:
        """Shape (customers, horizon): the chance that the contract still runs after 1, 2, ... more months.

        `next_month` is a churn model's chance to leave within a month, for each customer; NaN where it has none.
        """
        so_far = np.atleast_1d(np.asarray(months_so_far, dtype=np.float64))[:, np.newaxis]
        ahead = np.arange(horizon_months)[np.newaxis]
        hazard = self.alpha / (self.alpha + self.beta + so_far + ahead)
        if next_month is not None:
            told = np.clip(next_month, 1e-4, 1 - 1e-4)
            shift = np.where(np.isfinite(next_month), logit(told) - logit(hazard[:, 0]), 0.0)
            hazard = expit(logit(hazard) + np.nan_to_num(shift)[:, np.newaxis] * _FADE**ahead)
        return np.asarray(np.cumprod(1 - hazard, axis=1))


def fit_retention(months: ArrayLike, ended: ArrayLike) -> Retention:
    """Maximum likelihood from the whole months that each subscription ran (from 0) and whether it has ended; few ends use a prior.

    >>> fit_retention([3, 5], [False, False]).rung
    'prior'
    """
    ran = np.atleast_1d(np.asarray(months, dtype=np.float64))
    gone = np.atleast_1d(np.asarray(ended, dtype=np.bool_))
    if ran.shape != gone.shape or (ran < 0).any() or not np.isfinite(ran).all():
        raise HistoryError(
            "every subscription has run for some months, none below 0, and has ended or not", rows=int(ran.size)
        )
    ends = int(gone.sum())
    if ends < FEWEST_ENDS:
        exposure = float(ran.sum())
        hazard = (ends + _PRIOR[0]) / (exposure + sum(_PRIOR))
        size = sum(_PRIOR)
        return Retention(alpha=hazard * size, beta=(1 - hazard) * size, ended=ends, rung="prior")
    rows, counts = np.unique(np.column_stack([np.floor(ran), gone]), axis=0, return_counts=True)

    def minus(logs: Floats) -> float:
        alpha, beta = np.exp(logs)
        whole = betaln(alpha, beta)
        stays = betaln(alpha, beta + rows[:, 0]) - whole
        leaves = betaln(alpha + 1, beta + rows[:, 0]) - whole
        return -float(counts @ np.where(rows[:, 1] > 0, leaves, stays)) / float(counts.sum())

    starts = [np.log(start) for start in ((1.0, 9.0), (0.5, 3.0), (5.0, 60.0))]
    tries = [minimize(minus, start, method="L-BFGS-B", bounds=[(_LOW, _HIGH)] * 2) for start in starts]
    best = min(tries, key=lambda found: float(found.fun))
    alpha, beta = np.exp(best.x).tolist()
    return Retention(alpha=alpha, beta=beta, ended=ends, rung="shifted beta geometric")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContractValue:
    """Minor units a customer, shape (customers,): expected, and the bounds of 80 % (a contract ends or does not: they are wide)."""

    expected: Floats
    low: Floats
    high: Floats


def contract_value(
    staying: Floats, mrr_minor: ArrayLike, *, margin: float = 1.0, monthly_discount: float = 0.0, factor: float = 1.0
) -> ContractValue:
    """The discounted margin of the months in which each contract still runs; `factor` is the level of the last backtest."""
    if not 0 < margin <= 1 or not 0 <= monthly_discount < 1:
        raise HistoryError(
            "a margin is a share above 0, a discount a share below 1", margin=margin, discount=monthly_discount
        )
    months = staying.shape[1]
    worth = (1 - monthly_discount) ** np.arange(1, months + 1)
    monthly = np.atleast_1d(np.asarray(mrr_minor, dtype=np.float64)) * margin
    most = monthly * worth.sum()
    paid = np.concatenate([[0.0], np.cumsum(worth)])
    bounds = []
    for level in (0.1, 0.9):
        ran = (staying > 1 - level).sum(axis=1)
        bounds.append(monthly * paid[ran])
    return ContractValue(
        expected=np.minimum(monthly * (staying @ worth) * factor, most),
        low=bounds[0],
        high=np.maximum(bounds[1], bounds[0]),
    )
