"""Orders of many customers as three columns, and the buying histories that they make at any day.

Days are whole numbers (of any calendar that counts days); several orders of a customer on one day are one purchase with their sum, as
the papers count. Amounts are integer minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.value.histories import Histories, HistoryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Orders:
    """One row a purchase day, sorted by customer and day. `customers` names the places that `customer` holds."""

    customers: NDArray[Any]
    customer: Longs
    day: Longs
    amount_minor: Longs

    def __len__(self) -> int:
        return int(self.day.size)

    @classmethod
    def of(cls, customers: NDArray[Any], days: Longs, amounts_minor: Longs) -> Orders:
        """Purchase days of orders in any order (shape (orders,) each)."""
        if not customers.shape == days.shape == amounts_minor.shape:
            raise HistoryError("customer, day and amount belong to the same orders", orders=int(customers.size))
        names, code = np.unique(customers, return_inverse=True)
        order = np.lexsort((days, code))
        who, when, paid = code[order].astype(np.int64), days[order].astype(np.int64), amounts_minor[order]
        first = np.ones(who.size, dtype=np.bool_)
        first[1:] = (who[1:] != who[:-1]) | (when[1:] != when[:-1])
        starts = np.flatnonzero(first)
        sums = np.add.reduceat(paid.astype(np.int64), starts) if starts.size else paid.astype(np.int64)
        return cls(customers=names, customer=who[starts], day=when[starts], amount_minor=sums)

    def before(self, day: int) -> Orders:
        """What is known at the start of a day, of the customers who had bought by then."""
        return self._where(self.day < day)

    def of_places(self, places: Longs) -> Orders:
        """The orders of some customers, each as often as named and then a customer of its own: a bootstrap sample."""
        starts = np.searchsorted(self.customer, np.arange(self.customers.size + 1))
        lengths = (starts[1:] - starts[:-1])[places]
        rows = np.repeat(starts[places] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        who = np.repeat(np.arange(places.size, dtype=np.int64), lengths)
        return Orders(
            customers=np.arange(places.size), customer=who, day=self.day[rows], amount_minor=self.amount_minor[rows]
        )

    def histories_at(self, day: int) -> Histories:
        """Repeats, recency and age in days at the start of a day, a row for each customer; all orders must lie before it."""
        if len(self) and int(self.day.max()) >= day:
            raise HistoryError("histories at a day are made of orders before it", day=day, last=int(self.day.max()))
        first, last, counts = self._spans()
        return Histories(
            frequency=(counts - 1).astype(np.float64),
            recency=(last - first).astype(np.float64),
            age=(day - 1 - first).astype(np.float64),
        )

    def spend(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Purchase days and mean minor units of one, for each customer."""
        counts = np.bincount(self.customer, minlength=self.customers.size).astype(np.float64)
        sums = np.bincount(self.customer, weights=self.amount_minor.astype(np.float64), minlength=self.customers.size)
        return counts, sums / np.maximum(counts, 1)

    def repeat_spend(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Purchase days after the first and mean minor units of one, for each customer; 0 of nothing."""
        first = np.ones(len(self), dtype=np.bool_)
        first[1:] = self.customer[1:] != self.customer[:-1]
        counts, means = self._where(~first, keep_customers=True).spend()
        return counts, means

    def within(self, start_day: int, end_day: int, customers: NDArray[Any]) -> tuple[Longs, Longs]:
        """Purchase days and minor units in [start, end) of named customers, in their order; nobody else's count."""
        inside = (self.day >= start_day) & (self.day < end_day)
        counts = np.bincount(self.customer[inside], minlength=self.customers.size)
        sums = np.zeros(self.customers.size, dtype=np.int64)
        np.add.at(sums, self.customer[inside], self.amount_minor[inside])
        place = np.searchsorted(self.customers, customers)
        return counts[place].astype(np.int64), sums[place]

    def _spans(self) -> tuple[Longs, Longs, Longs]:
        starts = np.searchsorted(self.customer, np.arange(self.customers.size + 1))
        return self.day[starts[:-1]], self.day[starts[1:] - 1], (starts[1:] - starts[:-1]).astype(np.int64)

    def _where(self, rows: NDArray[np.bool_], *, keep_customers: bool = False) -> Orders:
        if keep_customers:
            return Orders(
                customers=self.customers,
                customer=self.customer[rows],
                day=self.day[rows],
                amount_minor=self.amount_minor[rows],
            )
        places, code = np.unique(self.customer[rows], return_inverse=True)
        return Orders(
            customers=self.customers[places],
            customer=code.astype(np.int64),
            day=self.day[rows],
            amount_minor=self.amount_minor[rows],
        )
