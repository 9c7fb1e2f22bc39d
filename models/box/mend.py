"""Boxes made whole one by one against the stock that is left: those above their budget, those that lack something, those that could gain.

Each round, every subscriber of a list is offered the best box out of what they hold and what is left, exactly. Those whose offers do not
collide take them, the most gained first; the others ask again in the next round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from models.box.exact import best_selection, width
from models.box.prices import FILL, cost_of
from models.box.problem import EMPTY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.box.alone import Values
    from models.box.prices import Prices
    from models.box.problem import Codes, Longs, Shelf, Wishes

_ROUNDS: Final = 8
_LEAST_GAIN: Final = 1e-5
_BLOCK: Final = 8192
_HELD: Final = np.float32(100.0)  # what is held is a candidate before anything else


@dataclass(slots=True)
class Mending:
    """Boxes that are being made whole, in place; `left` is what remains of the stock, `value` what items are worth to whom."""

    wishes: Wishes
    shelf: Shelf
    value: Values
    spend: Prices
    boxes: Codes
    left: Longs

    @classmethod
    def of(cls, wishes: Wishes, shelf: Shelf, value: Values, spend: Prices, boxes: Codes) -> Mending:
        """From boxes that keep to the stock."""
        left = shelf.stock - np.bincount(boxes[boxes != EMPTY], minlength=shelf.items)
        return cls(wishes, shelf, value, spend, boxes.copy(), left)

    def give(self, rows: NDArray[np.int64], boxes: Codes) -> None:
        """Boxes for some who had none, out of what is left."""
        self.boxes[rows, : boxes.shape[1]] = boxes
        self.left -= np.bincount(boxes[boxes != EMPTY], minlength=self.shelf.items)

    def take_back(self, rows: NDArray[np.int64]) -> None:
        """The boxes of some go back to the shelf."""
        held = self.boxes[rows]
        self.left += np.bincount(held[held != EMPTY], minlength=self.shelf.items)
        self.boxes[rows] = EMPTY

    def copy(self) -> Mending:
        """As it is now, to come back to."""
        return replace(self, boxes=self.boxes.copy(), left=self.left.copy())

    def above_budget(self) -> NDArray[np.int64]:
        """Whose box costs too much."""
        return np.flatnonzero(cost_of(self.boxes, self.shelf) > self.wishes.budget_minor)

    def short(self) -> NDArray[np.int64]:
        """Whose box lacks something."""
        return np.flatnonzero((self.boxes != EMPTY).sum(axis=1) < self.wishes.slots)

    def improve(self, rows: NDArray[np.int64], *, rounds: int = _ROUNDS) -> None:
        """Offer each of these subscribers the best box there is for them, until nobody takes one."""
        free = np.zeros(self.shelf.items, dtype=np.float32)
        for _ in range(rounds):
            if not self._round(rows, free).size:
                return

    def drop(self) -> None:
        """What still costs too much goes without its dearest items."""
        for row in self.above_budget():
            box = self.boxes[row]
            costs = np.where(box != EMPTY, self.shelf.cost_minor[box], -1)
            while int(costs[box != EMPTY].sum()) > self.wishes.budget_minor[row]:
                place = int(np.argmax(costs))
                self.left[box[place]] += 1
                box[place], costs[place] = EMPTY, -1

    def sell(self, rows: NDArray[np.int64], price: Prices) -> NDArray[np.int64]:
        """Offer each of these subscribers once the best box at these prices of items; the rows that took none."""
        return np.setdiff1d(rows, self._round(rows, price), assume_unique=True)

    def _round(self, rows: NDArray[np.int64], price: Prices) -> NDArray[np.int64]:
        taken = [np.zeros(0, dtype=np.int64)]
        for slots in np.unique(self.wishes.slots[rows][self.wishes.slots[rows] > 0]):
            alike = rows[self.wishes.slots[rows] == slots]
            for start in range(0, alike.size, _BLOCK):
                taken.append(self._offer(alike[start : start + _BLOCK], int(slots), price))  # noqa: PERF401 (each takes from the stock)
        return np.concatenate(taken)

    def _offer(self, rows: NDArray[np.int64], slots: int, price: Prices) -> NDArray[np.int64]:
        """The best boxes of some rows out of what they hold and what is left; the rows that took theirs."""
        candidates, value = self._candidates(rows, slots, price)
        cost, kind = self.shelf.cost_minor[candidates], self.shelf.category[candidates]
        caps, budget = self.wishes.caps(self.shelf)[rows], self.wishes.budget_minor[rows]
        picked = best_selection(value, cost, kind, caps, budget, slots)
        offered = self._as_boxes(candidates, value, picked)
        gain = self._worth(rows, offered) - self._worth(rows, self.boxes[rows], judged=True)
        better = np.flatnonzero(gain > _LEAST_GAIN)
        first = better[np.argsort(-gain[better], kind="stable")]
        done = self._settle(rows, offered, first)
        self.boxes[rows[done]] = offered[done]
        return rows[done]

    def _candidates(
        self, rows: NDArray[np.int64], slots: int, price: Prices
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """What each row holds, then what is left and worth its price, best first at its price of a minor unit; -inf where no more is."""
        value = np.where(self.value[rows] + FILL > price, self.value[rows] - price, -np.inf)
        held = np.zeros(value.shape, dtype=bool)
        row, place = np.nonzero(self.boxes[rows] != EMPTY)
        held[row, self.boxes[rows][row, place]] = True
        open_items = (self.value[rows] >= 0) & ((self.left > 0) | held)
        rank = value - self.spend[rows, None] * self.shelf.cost_minor.astype(np.float32) + _HELD * held
        rank = np.where(open_items, rank, -np.inf)
        wide = min(width(slots), rank.shape[1])
        best = np.argpartition(-rank, wide - 1, axis=1)[:, :wide]
        found = np.where(
            np.isfinite(np.take_along_axis(rank, best, axis=1)), np.take_along_axis(value, best, axis=1), -np.inf
        )
        return best, found.astype(np.float32)

    def _as_boxes(self, candidates: NDArray[np.int64], value: NDArray[np.float32], picked: NDArray[np.bool_]) -> Codes:
        order = np.argsort(np.where(picked, -value, np.inf), axis=1, kind="stable")[:, : self.boxes.shape[1]]
        boxes = np.full((candidates.shape[0], self.boxes.shape[1]), EMPTY, dtype=np.int32)
        kept = np.take_along_axis(picked, order, axis=1)
        boxes[:, : order.shape[1]] = np.where(kept, np.take_along_axis(candidates, order, axis=1), EMPTY)
        return boxes

    def _worth(self, rows: NDArray[np.int64], boxes: Codes, *, judged: bool = False) -> NDArray[np.float64]:
        """What boxes are worth, filled slots first; one above its budget is worth nothing where boxes are judged."""
        row, place = np.nonzero(boxes != EMPTY)
        found = np.zeros(rows.size)
        np.add.at(found, row, FILL + self.value[rows[row], boxes[row, place]])
        if judged:
            found[cost_of(boxes, self.shelf) > self.wishes.budget_minor[rows]] = -1
        return found

    def _settle(self, rows: NDArray[np.int64], offered: Codes, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which rows, in this order, take their offer without anything running out; `left` follows."""
        done = []
        for at in order.tolist():
            new = {item for item in offered[at].tolist() if item != EMPTY}
            old = {item for item in self.boxes[rows[at]].tolist() if item != EMPTY}
            if all(self.left[item] > 0 for item in new - old):
                for item in new - old:
                    self.left[item] -= 1
                for item in old - new:
                    self.left[item] += 1
                done.append(at)
        return np.array(done, dtype=np.int64)
