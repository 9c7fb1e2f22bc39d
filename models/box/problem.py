"""What is chosen from: every subscriber's wishes, every item's stock and cost, as arrays; nothing here decides.

Money is integer minor units. A subscriber is a row, an item a column; `worth` is how good an item is for a subscriber, between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Worth = NDArray[np.float32]
    Flags = NDArray[np.bool_]
    Codes = NDArray[np.int32]
    Longs = NDArray[np.int64]

NO_BUDGET: Final = np.iinfo(np.int64).max
EMPTY: Final = -1


class BoxError(ValueError):
    """Arrays that do not fit each other, or hold what cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The items of the period: shape (items,) each. `category` codes what should not crowd a box, at most `most_of_category` of each."""

    category: Codes
    cost_minor: Longs
    stock: Longs
    most_of_category: int = 2

    def __post_init__(self) -> None:
        if not self.category.shape == self.cost_minor.shape == self.stock.shape or self.category.ndim != 1:
            raise BoxError("category, cost and stock have one value an item")
        if (self.stock < 0).any() or (self.cost_minor < 0).any() or self.most_of_category < 1:
            raise BoxError("stock and cost are at least 0, and a box may hold at least one item of a category")

    @property
    def items(self) -> int:
        """How many there are."""
        return int(self.category.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The subscribers: `worth` and `allowed` have shape (subscribers, items), `slots` and `budget_minor` (subscribers,).

    `allowed` is False for what must never come (allergens, declared dislikes, recent boxes); `budget_minor` is what the contents may cost
    at most, which is the box's price less the margin that has to stay. `most_alike` is how many items of a category a box may hold,
    (subscribers,), where it is not the shelf's.
    """

    worth: Worth
    allowed: Flags
    slots: Codes
    budget_minor: Longs
    most_alike: Codes | None = None

    def __post_init__(self) -> None:
        if self.most_alike is not None and (self.most_alike.shape != self.slots.shape or (self.most_alike < 1).any()):
            raise BoxError("a box may hold at least one item of a category; one number a subscriber")
        rows = self.worth.shape[0]
        if self.worth.shape != self.allowed.shape or self.slots.shape != (rows,) or self.budget_minor.shape != (rows,):
            raise BoxError("worth and allowed are one table; slots and budgets have one value a subscriber")
        if (
            (self.slots < 0).any()
            or not np.isfinite(self.worth).all()
            or (self.worth < 0).any()
            or (self.worth > 1).any()
        ):
            raise BoxError("slots are at least 0 and worth lies between 0 and 1")

    @property
    def subscribers(self) -> int:
        """How many there are."""
        return int(self.slots.size)

    def caps(self, shelf: Shelf) -> Codes:
        """How many items of a category each box may hold, (subscribers,)."""
        if self.most_alike is not None:
            return self.most_alike
        return np.full(self.subscribers, shelf.most_of_category, dtype=np.int32)

    def of(self, rows: Longs) -> Wishes:
        """Some of the subscribers, in this order."""
        return Wishes(
            worth=self.worth[rows],
            allowed=self.allowed[rows],
            slots=self.slots[rows],
            budget_minor=self.budget_minor[rows],
            most_alike=None if self.most_alike is None else self.most_alike[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """What was chosen: item codes, shape (subscribers, most slots), EMPTY where a slot stayed empty; best first."""

    items: Codes
    rounds: int

    def missing(self, slots: Codes) -> Codes:
        """How many slots of each subscriber stayed empty."""
        return np.asarray(slots - (self.items != EMPTY).sum(axis=1), dtype=np.int32)

    def used(self, items: int) -> Longs:
        """How many of each item were given."""
        return np.bincount(self.items[self.items != EMPTY], minlength=items).astype(np.int64)
