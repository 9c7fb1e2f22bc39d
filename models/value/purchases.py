"""How many purchases each customer will make: the champion of repeat buying, from the first day of a shop.

Rung by rung: with few repeats a pooled rate (`rate`); where nobody is seen to leave the NBD (`never leaves`); else BG/NBD and, beside it,
Pareto/NBD brought to the same total, of which the mean ranks customers better on most files than either (`buy till you die`).
The total is then brought to the level of the backtests. Times are days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.value.bgnbd import BgNbd, fit_bgnbd
from models.value.level import UNCORRECTED, Level, learn_level
from models.value.nbd import Nbd, fit_nbd, weak_nbd
from models.value.pareto_nbd import ParetoNbd, fit_pareto_nbd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.value.histories import Histories
    from models.value.orders import Orders

    Floats = NDArray[np.float64]

FEWEST_REPEATS = 30
USUAL_RATE_PER_DAY = 1 / 120
"""What a shop without a history is taken to see: a purchase of a customer each four months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """A fitted forecast. `process` names the rung's model, `beside` the second of the mean, `why` what made the rung."""

    process: BgNbd | Nbd
    beside: ParetoNbd | None
    level: Level
    observed_days: int
    rung: str
    why: str

    def probability_alive(self, known: Histories) -> Floats:
        """Shape (customers,): the chance that the customer will buy again at all; 1 for all where leaving was not seen."""
        alive = self.process.probability_alive(known.frequency, known.recency, known.age)
        if self.beside is None:
            return alive
        return np.asarray((alive + self.beside.probability_alive(known.frequency, known.recency, known.age)) / 2)

    def raw(self, days: float, known: Histories) -> Floats:
        """Purchases expected in the next `days` before the level is corrected."""
        columns = (known.frequency, known.recency, known.age)
        ours = self.process.expected_purchases(days, *columns)
        if self.beside is None:
            return ours
        theirs = self.beside.expected_purchases(days, *columns)
        scale = ours.sum() / max(float(theirs.sum()), 1e-12)
        return np.asarray((ours + theirs * scale) / 2)

    def expected(self, days: float, known: Histories) -> Floats:
        """Shape (customers,): purchases expected in the next `days`."""
        return self.raw(days, known) * self.level.factor(days, self.observed_days)


def fit_purchases(orders: Orders, day: int, *, corrected: bool = True) -> Purchases:
    """What is known at the start of a day, as a forecast from it on; no order at or after the day is read."""
    past = orders.before(day)
    process, beside, rung, why = _process(past, day)
    level = UNCORRECTED
    if corrected and rung != "rate":
        level = learn_level(orders, day, _total)
    observed = day - int(past.day.min()) if len(past) else 1
    return Purchases(process=process, beside=beside, level=level, observed_days=observed, rung=rung, why=why)


def _process(past: Orders, day: int) -> tuple[BgNbd | Nbd, ParetoNbd | None, str, str]:
    known = past.histories_at(day)
    repeats = int(known.frequency.sum())
    if repeats < FEWEST_REPEATS or known.age.sum() <= 0:
        rate = weak_nbd(known.frequency, known.age, prior_rate=USUAL_RATE_PER_DAY)
        return rate, None, "rate", f"{repeats} repeat purchases are fewer than {FEWEST_REPEATS}"
    fitted = fit_bgnbd(known.frequency, known.recency, known.age)
    if fitted.boundary:
        return fit_nbd(known.frequency, known.age), None, "never leaves", fitted.boundary
    beside = fit_pareto_nbd(known.frequency, known.recency, known.age)
    usable = np.isfinite(beside.log_likelihood)
    return fitted, beside if usable else None, "buy till you die", f"{repeats} repeat purchases"


def _total(past: Orders, day: int, days: int) -> float:
    """The uncorrected total of a fit, by BG/NBD or what stands for it: the mean with its companion has the same."""
    known = past.histories_at(day)
    fitted = fit_bgnbd(known.frequency, known.recency, known.age)
    process = fit_nbd(known.frequency, known.age) if fitted.boundary else fitted
    return float(process.expected_purchases(days, known.frequency, known.recency, known.age).sum())
