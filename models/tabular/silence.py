"""Rung 1 without a contract: the chance of no order within the horizon, in closed form from the rhythm of orders alone.

BG/NBD (Fader, Hardie and Lee 2005): a customer with x repeats, the last after t_x of T days, is still there with p, and then orders
nothing within h days with ((alpha + T) / (alpha + T + h)) ** (r + x), since who is there leaves only after an order. It needs no outcome to
be fitted, so it answers on a shop's first day; where histories are too few, one imagined customer's rate stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models.tabular.contract import from_log_odds, log_odds
from models.value.bgnbd import fit_bgnbd
from models.value.nbd import weak_nbd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Examples, FeatureTable, Floats

COLUMNS = ("days_since_first_order", "days_since_last_order", "mean_order_gap_days")
NEVER_DAYS = 3650.0
FEWEST_REPEATERS = 30
USUAL_RATE = 1 / 60
"""Orders a day of a customer in a shop that nothing is known of yet: one in two months."""
_LONGEST_DAYS = 36_500.0
_NO_ONE_LEAVES = (1e-6, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class SilenceProcess:
    """`places` are the columns of `COLUMNS`; r, alpha (days), a, b are the process; `reference` is a typical customer's columns."""

    places: NDArray[np.int64]
    reference: Floats
    r: float
    alpha: float
    a: float
    b: float
    horizon_days: int
    base: float
    name: ClassVar[str] = "rhythm of orders"
    number: ClassVar[int] = 1

    def score(self, values: Floats) -> Floats:
        """Shape (rows,)."""
        return self._log_odds(values[:, self.places])

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,): the chance of no order within the horizon."""
        return from_log_odds(self.score(values))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns): exact Shapley values of the three columns against the typical customer."""
        rows = values[:, self.places]
        found = np.zeros(values.shape)
        worth = {chosen: self._log_odds(self._with(rows, chosen)) for size in range(4) for chosen in _subsets(size)}
        for column, place in enumerate(self.places.tolist()):
            for chosen, without in worth.items():
                if column in chosen:
                    continue
                weight = factorial(len(chosen)) * factorial(2 - len(chosen)) / factorial(3)
                found[:, place] += weight * (worth[tuple(sorted((*chosen, column)))] - without)
        return found

    def _with(self, rows: Floats, chosen: tuple[int, ...]) -> Floats:
        mixed = np.tile(self.reference, (rows.shape[0], 1))
        mixed[:, list(chosen)] = rows[:, list(chosen)]
        return mixed

    def _log_odds(self, rows: Floats) -> Floats:
        return log_odds(silence_probability(*_history(rows), self.r, self.alpha, self.a, self.b, self.horizon_days))

    def parts(self) -> tuple[Arrays, Document]:
        """The parameters."""
        numbers = {name: getattr(self, name) for name in ("r", "alpha", "a", "b", "horizon_days", "base")}
        return {"places": self.places, "reference": self.reference}, numbers

    @classmethod
    def from_parts(cls, arrays: Arrays, document: Document) -> SilenceProcess:
        """The rung that `parts` took apart."""
        numbers = {name: float(document[name]) for name in ("r", "alpha", "a", "b", "base")}
        days = int(document["horizon_days"])
        return cls(places=arrays["places"], reference=arrays["reference"], horizon_days=days, **numbers)


def silence_probability(  # noqa: PLR0917 (a history and the four letters of the paper, in its order)
    repeats: Floats, recency: Floats, age: Floats, r: float, alpha: float, a: float, b: float, horizon_days: float
) -> Floats:
    """Shape (customers,): the chance of no order in the `horizon_days` after the moment. Days throughout.

    >>> one = np.array([0.0])
    >>> round(float(silence_probability(one, one, one, 1.0, 30.0, 1e-9, 1.0, 30.0)[0]), 6)
    0.5
    """
    gone = np.log(a) - np.log(np.maximum(b + repeats - 1, 1e-300))
    gone = gone + (r + repeats) * (np.log(alpha + age) - np.log(alpha + recency))
    alive = np.where(repeats > 0, 1 / (1 + np.exp(np.clip(gone, -700, 700))), 1.0)
    quiet = np.exp((r + repeats) * (np.log(alpha + age) - np.log(alpha + age + horizon_days)))
    return np.asarray(1 - alive * (1 - quiet))


def fit_silence(examples: Examples, *, horizon_days: int) -> SilenceProcess | None:
    """The process of these customers' histories, or None where the table lacks a column of `COLUMNS`. Outcomes are not looked at."""
    table = examples.table
    if any(name not in table.columns for name in COLUMNS):
        return None
    rows = table.select(COLUMNS).values
    repeats, recency, age = _history(rows)
    seen = age > 0
    if int((repeats[seen] > 0).sum()) >= FEWEST_REPEATERS:
        found = fit_bgnbd(repeats[seen], recency[seen], age[seen])
        r, alpha, a, b = found.r, found.alpha, found.a, found.b
    else:
        weak = weak_nbd(repeats[seen], age[seen], prior_rate=USUAL_RATE)
        r, alpha, (a, b) = weak.r, weak.alpha, _NO_ONE_LEAVES
    return _process(table, rows, (r, alpha, a, b), horizon_days)


def _process(
    table: FeatureTable, rows: Floats, letters: tuple[float, float, float, float], horizon_days: int
) -> SilenceProcess:
    known = np.where(np.isnan(rows), NEVER_DAYS, rows)
    reference = np.median(known, axis=0) if len(known) else np.array([0.0, NEVER_DAYS, NEVER_DAYS])
    r, alpha, a, b = letters
    usual = silence_probability(*_history(reference[None]), r, alpha, a, b, horizon_days)
    return SilenceProcess(
        places=np.asarray([table.columns.index(name) for name in COLUMNS], dtype=np.int64),
        reference=reference,
        r=r,
        alpha=alpha,
        a=a,
        b=b,
        horizon_days=horizon_days,
        base=float(log_odds(usual)[0]),
    )


def _history(rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Repeats, days to the last order and days observed, from the catalogue's three columns; one order has no gap yet."""
    first, last, gap = np.nan_to_num(np.clip(rows, 0, _LONGEST_DAYS), nan=NEVER_DAYS).T
    never = (last >= NEVER_DAYS) | np.isnan(rows[:, 1])
    age = np.where(never, 0.0, np.maximum(first, last))
    recency = np.where(never, 0.0, np.maximum(first - last, 0.0))
    repeated = (gap < NEVER_DAYS) & (recency > 0)
    repeats = np.where(repeated, np.maximum(np.round(recency / np.maximum(gap, 0.5)), 1.0), 0.0)
    return repeats, np.where(repeated, recency, 0.0), age


def _subsets(size: int) -> list[tuple[int, ...]]:
    return list(combinations(range(3), size))
