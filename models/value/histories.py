"""Buying histories as the models of repeat buying read them: repeats, the moment of the last one, and the age, per customer.

`frequency` counts the purchase days after the first, `recency` runs from the first to the last, `age` from the first to the moment of
observation; recency and age share one unit of time. Equal histories are one row with a weight: a likelihood costs as many
evaluations as there are different histories, not customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


class HistoryError(InvalidError):
    """Histories that nobody can have, such as a last purchase after the observation."""

    code = "invalid_buying_history"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histories:
    """Shape (customers,) each, float64; a customer without a repeat has frequency 0 and recency 0."""

    frequency: Floats
    recency: Floats
    age: Floats

    def __len__(self) -> int:
        return int(self.frequency.size)

    def compressed(self) -> tuple[Histories, Floats]:
        """The different histories, and how many customers have each."""
        rows = np.column_stack([self.frequency, self.recency, self.age])
        different, counts = np.unique(rows, axis=0, return_counts=True)
        histories = Histories(frequency=different[:, 0], recency=different[:, 1], age=different[:, 2])
        return histories, counts.astype(np.float64)

    def scaled(self, unit: float) -> Histories:
        """The same histories in a unit of time that is `unit` times as long."""
        return Histories(frequency=self.frequency, recency=self.recency / unit, age=self.age / unit)

    def of(self, rows: NDArray[np.int64]) -> Histories:
        """Those customers only; a row may be named more than once, as a bootstrap does."""
        return Histories(frequency=self.frequency[rows], recency=self.recency[rows], age=self.age[rows])


def histories(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Histories:
    """Checked histories. HistoryError names the first rule that a row breaks.

    >>> len(histories([0, 2], [0, 5.5], [10, 8]))
    2
    """
    x, last, total = (np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (frequency, recency, age))
    if not x.shape == last.shape == total.shape or x.ndim != 1:
        raise HistoryError(
            "frequency, recency and age belong to the same customers", rows=[x.size, last.size, total.size]
        )
    rules = {
        "every value is a finite number": np.isfinite(x) & np.isfinite(last) & np.isfinite(total),
        "a frequency is a whole number from 0": (x >= 0) & (x == np.floor(x)),
        "a recency lies between 0 and the age": (last >= 0) & (last <= total * (1 + 1e-9)),
        "without a repeat the recency is 0": (x > 0) | (last == 0),
    }
    for rule, holds in rules.items():
        if not holds.all():
            row = int(np.argmin(holds))
            facts = {"frequency": float(x[row]), "recency": float(last[row]), "age": float(total[row])}
            raise HistoryError(f"{rule}; row {row} breaks that", row=row, **facts)
    return Histories(frequency=x, recency=np.minimum(last, total), age=total)
