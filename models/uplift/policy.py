"""Whom to treat: those whose uplift earns more than the treatment costs, the best first until the budget is spent; and what that earns.

`margin` is what one unit of outcome is worth and `cost` what one treatment costs, in the same unit of money (minor units). Without usable
heterogeneity everybody or nobody is treated, by the mean effect. The value of a policy is read from a randomised test set by doubly
robust scores (Dudik, Langford and Li 2011; Athey and Wager 2021), against treating nobody, with a normal interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.metrics.interval import Interval
from models.uplift.contract import UpliftError
from models.uplift.learners import pseudo_outcomes
from models.uplift.outcomes import fit_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.uplift.contract import Experiment

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Worth of one unit of outcome, cost of one treatment, and how much may be spent in all (None: no bound); minor units."""

    margin: float
    cost: float = 0.0
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.margin <= 0 or self.cost < 0 or (self.budget is not None and self.budget < 0):
            raise UpliftError(
                "a margin is above 0, a cost and a budget are not below 0", margin=self.margin, cost=self.cost
            )

    def affordable(self, count: int) -> int:
        """How many of `count` treatments the budget pays for."""
        if self.budget is None or self.cost == 0:
            return count
        return int(min(float(count), self.budget // self.cost))


def choose(uplift: Floats, terms: Terms) -> Flags:
    """Shape (rows,): whom to treat. Equal gains are taken in the order of the rows.

    >>> choose(np.array([0.5, 0.01, 0.2, -0.1]), Terms(margin=1000, cost=50, budget=60)).tolist()
    [True, False, False, False]
    """
    gain = uplift * terms.margin - terms.cost
    order = np.argsort(-gain, kind="stable")
    worth = order[gain[order] > 0]
    chosen = np.zeros(uplift.size, dtype=np.bool_)
    chosen[worth[: terms.affordable(worth.size)]] = True
    return chosen


def choose_all_or_none(effect: float, rows: int, terms: Terms, response: Floats | None = None) -> Flags:
    """Everybody whom the budget pays for if the mean effect earns more than it costs, else nobody; the likely to respond first."""
    if effect * terms.margin <= terms.cost:
        return np.zeros(rows, dtype=np.bool_)
    order = np.arange(rows) if response is None else np.argsort(-response, kind="stable")
    chosen = np.zeros(rows, dtype=np.bool_)
    chosen[order[: terms.affordable(rows)]] = True
    return chosen


def policy_value(chosen: Flags, data: Experiment, terms: Terms, rng: np.random.Generator) -> Interval:
    """What the policy earns a customer over treating nobody, with a 95 % interval; `data` must not have been learned from."""
    scores = chosen * (terms.margin * pseudo_outcomes(data, fit_line, rng, parts=5) - terms.cost)
    return _interval(scores)


def policy_value_weighted(chosen: Flags, data: Experiment, terms: Terms) -> Interval:
    """The same by inverse propensity weights alone: wider, but it trusts no model of the outcome."""
    share = data.share
    reading = np.where(data.treated, data.outcome / share, -data.outcome / (1 - share))
    return _interval(chosen * (terms.margin * reading - terms.cost))


def _interval(scores: Floats) -> Interval:
    mean, error = float(scores.mean()), float(scores.std() / np.sqrt(scores.size))
    return Interval(mean=mean, low=mean - 1.96 * error, high=mean + 1.96 * error)
