"""Who took which item, and when: validated columns with their id maps, ordered by time so that "before a moment" is a view.

Instants are microseconds since the epoch in UTC; codes point into `customers` and `items`, which a sub-selection keeps, so that codes
mean the same before and after a cut. Invariant: `at_us` never decreases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Sequence

Texts = NDArray[np.str_]
Codes = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DAY_US = 86_400_000_000


class InteractionsError(InvalidError):
    """The columns do not describe interactions."""

    code = "invalid_interactions"


@dataclass(frozen=True, slots=True)
class Interactions:
    """One row an item of a basket: `row` and `col` are codes of `customers` and `items`, `basket` groups what was bought at once.

    `price` is of one unit, in any one currency, NaN where unknown, and None where no row has one.
    """

    customers: Texts
    items: Texts
    row: Codes
    col: Codes
    at_us: Longs
    basket: Longs
    quantity: Floats
    price: Floats | None = None

    @classmethod
    def from_columns(  # noqa: PLR0917 (columns, in the order of a file)
        cls,
        customer: Sequence[str] | Texts,
        item: Sequence[str] | Texts,
        at_us: Sequence[int] | Longs,
        basket: Sequence[str] | Texts | Longs | None = None,
        quantity: Sequence[float] | Floats | None = None,
        price: Sequence[float] | Floats | None = None,
    ) -> Interactions:
        """Interactions from equally long columns; without `basket`, all that a customer took at one instant is one basket.

        >>> taken = Interactions.from_columns(["ada", "bob", "ada"], ["tea", "tea", "cup"], [30, 10, 20])
        >>> taken.customers[taken.row].tolist(), taken.items[taken.col].tolist(), taken.at_us.tolist()
        (['bob', 'ada', 'ada'], ['tea', 'cup', 'tea'], [10, 20, 30])
        """
        customers, row = np.unique(np.asarray(customer, dtype=np.str_), return_inverse=True)
        items, col = np.unique(np.asarray(item, dtype=np.str_), return_inverse=True)
        at = np.asarray(at_us, dtype=np.int64)
        units = np.ones(at.size) if quantity is None else np.asarray(quantity, dtype=np.float64)
        _same_length(row.size, item=col.size, at_us=at.size, quantity=units.size)
        if not np.isfinite(units).all():
            raise InteractionsError("a quantity is a finite number")
        prices = None if price is None else np.asarray(price, dtype=np.float64)
        if prices is not None:
            _same_length(row.size, price=prices.size)
        if basket is None:
            group = np.unique(np.stack([row, at], axis=1), axis=0, return_inverse=True)[1] if at.size else at
        else:
            group = np.unique(np.asarray(basket), return_inverse=True)[1]
            _same_length(row.size, basket=group.size)
        order = np.lexsort((col, group, row, at))
        return cls(
            customers=customers,
            items=items,
            row=row[order].astype(np.int32),
            col=col[order].astype(np.int32),
            at_us=at[order],
            basket=group.reshape(-1)[order].astype(np.int64),
            quantity=units[order],
            price=None if prices is None else prices[order],
        )

    def __len__(self) -> int:
        return int(self.at_us.size)

    def before(self, moment_us: int) -> Interactions:
        """What was known just before `moment_us`, as a view: no copy, same codes."""
        return self._slice_by(slice(0, int(np.searchsorted(self.at_us, moment_us, side="left"))))

    def between(self, start_us: int, end_us: int) -> Interactions:
        """What happened from `start_us` (included) to `end_us` (excluded), as a view with the same codes."""
        first, last = np.searchsorted(self.at_us, [start_us, end_us], side="left")
        return self._slice_by(slice(int(first), int(max(first, last))))

    def row_mask(self, wanted: Flags) -> Interactions:
        """Only the rows of customers whose code is wanted; `wanted` has one flag a customer."""
        return self._slice_by(wanted[self.row])

    def compact(self) -> Interactions:
        """The same rows with id maps that hold only the customers and items that occur in them."""
        used_rows, row = np.unique(self.row, return_inverse=True)
        used_cols, col = np.unique(self.col, return_inverse=True)
        return replace(
            self,
            customers=self.customers[used_rows],
            items=self.items[used_cols],
            row=row.astype(np.int32),
            col=col.astype(np.int32),
        )

    def encoded_as(self, other: Interactions) -> Interactions:
        """These rows in the codes of `other`; rows whose customer or item `other` does not know are left out."""
        row, known = _translate(self.customers, other.customers)
        kept = self._slice_by(known[self.row]).with_items_of(other)
        return replace(kept, customers=other.customers, row=row[kept.row])

    def with_items_of(self, other: Interactions) -> Interactions:
        """These rows with item codes of `other`; rows whose item `other` does not know are left out, customers stay."""
        col, known = _translate(self.items, other.items)
        kept = self._slice_by(known[self.col])
        return replace(kept, items=other.items, col=col[kept.col])

    def latest(self) -> tuple[Codes, Codes, Longs]:
        """Each (customer, item) once, with the last time it was taken, ordered by customer then item."""
        order = np.lexsort((self.at_us, self.col, self.row))
        row, col, at = self.row[order], self.col[order], self.at_us[order]
        last = np.ones(row.size, dtype=np.bool_)
        last[:-1] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
        return row[last], col[last], at[last]

    def per_basket(self) -> tuple[Longs, Codes, Codes, Longs]:
        """Each (basket, item) once: basket, customer, item and time; the lines of one basket are neighbours."""
        order = np.lexsort((self.col, self.basket))
        basket, col = self.basket[order], self.col[order]
        first = np.ones(basket.size, dtype=np.bool_)
        first[1:] = (basket[1:] != basket[:-1]) | (col[1:] != col[:-1])
        kept = order[first]
        return self.basket[kept], self.row[kept], self.col[kept], self.at_us[kept]

    def _slice_by(self, part: slice | Flags) -> Interactions:
        return replace(
            self,
            row=self.row[part],
            col=self.col[part],
            at_us=self.at_us[part],
            basket=self.basket[part],
            quantity=self.quantity[part],
            price=None if self.price is None else self.price[part],
        )


def decay(age_us: Longs, half_life_days: float | None) -> Floats:
    """The weight 2^(-age / half-life) of what is that old; without a half-life all weigh 1, and the future weighs as now.

    >>> decay(np.array([0, DAY_US, 2 * DAY_US]), 1.0).tolist(), decay(np.array([DAY_US]), None).tolist()
    ([1.0, 0.5, 0.25], [1.0])
    """
    if half_life_days is None:
        return np.ones(age_us.size)
    faded: Floats = np.exp2(-np.maximum(age_us, 0) / (half_life_days * DAY_US))
    return faded


def _same_length(rows: int, **lengths: int) -> None:
    wrong = {name: length for name, length in lengths.items() if length != rows}
    if wrong:
        raise InteractionsError("all columns have as many values as customer", customer=rows, **wrong)


def _translate(ours: Texts, theirs: Texts) -> tuple[Codes, Flags]:
    if not theirs.size:
        return np.zeros(ours.size, dtype=np.int32), np.zeros(ours.size, dtype=np.bool_)
    place = np.minimum(np.searchsorted(theirs, ours), theirs.size - 1)
    known: Flags = theirs[place] == ours
    return place.astype(np.int32), known
