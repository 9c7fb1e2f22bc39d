"""What a unit of stock and a unit of budget are worth: the prices at which everybody's own best box is the best for all together.

Lagrangian relaxation (Geoffrion 1974; Fisher 1981): stock is taken out of the problem at a price an item, a budget at a price a subscriber,
and what remains falls apart into one small problem each. The prices follow demand: an item that too many want becomes dearer, a box
that costs too much sees costs as less worth. They say which pairs matter, and any prices give a bound that no choice exceeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.box.alone import BLOCK, best_alone
from models.box.problem import EMPTY, NO_BUDGET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.box.alone import Values
    from models.box.problem import Codes, Longs, Shelf, Wishes

    Prices = NDArray[np.float32]

FILL: Final = np.float32(10.0)
"""What a filled slot is worth beside the worth of its item, which is at most 1: no worth outweighs a gap."""

SAMPLE: Final = 4096
_ROUNDS: Final = 180
_HALVINGS: Final = 12
_FIRST_STEP: Final = 0.25
_SLOWING: Final = 6


@dataclass(frozen=True, slots=True)
class Market:
    """`stock` is what a unit of each item is worth, (items,), and `spend` what a minor unit of each budget is, (subscribers,)."""

    stock: Prices
    spend: Prices


def market(value: Values, wishes: Wishes, shelf: Shelf, *, rounds: int = _ROUNDS) -> Market:
    """Prices found on an even sample of the subscribers, whose part of the stock is theirs; the spend of everybody follows from them.

    `value` is below zero where an item must not come. The same input gives the same prices.
    """
    step = -(-wishes.subscribers // SAMPLE)
    rows = np.arange(0, wishes.subscribers, max(step, 1))
    share = rows.size / max(wishes.subscribers, 1)
    start = Market(np.zeros(shelf.items, dtype=np.float32), np.zeros(rows.size, dtype=np.float32))
    stock = settled(value[rows], wishes.of(rows), shelf, shelf.stock * share, start=start, rounds=rounds)
    return Market(stock, spend_of(value, wishes, shelf, stock))


def spend_of(value: Values, wishes: Wishes, shelf: Shelf, stock: Prices) -> Prices:
    """The least price of a minor unit, of each budget, at which the best box by itself costs no more than it: by halving, in blocks."""
    spend = np.zeros(wishes.subscribers, dtype=np.float32)
    tight = np.flatnonzero(wishes.budget_minor < NO_BUDGET)
    for start in range(0, tight.size, BLOCK):
        rows = tight[start : start + BLOCK]
        own = wishes.of(rows)
        spend[rows] = _halved(_less(value[rows], stock), own, shelf)
    return spend


def bound(value: Values, wishes: Wishes, shelf: Shelf, prices: Market) -> float:
    """No choice within the rules is worth more than this, filled slots counted at `FILL` each: whatever the prices are."""
    total = float(prices.stock.astype(np.float64) @ shelf.stock)
    caps = wishes.caps(shelf)
    for start in range(0, wishes.subscribers, BLOCK):
        rows = np.arange(start, min(start + BLOCK, wishes.subscribers))
        own = wishes.of(rows)
        spend = prices.spend[rows]
        priced = _priced(_less(value[rows], prices.stock), spend, shelf)
        boxes = best_alone(priced, own.slots, caps[rows], shelf)
        total += float(_worth(priced, boxes).sum(dtype=np.float64))
        paid = spend > 0
        total += float(spend[paid].astype(np.float64) @ own.budget_minor[paid])
    return total


def tightened(value: Values, wishes: Wishes, shelf: Shelf, prices: Market, *, rounds: int = 12) -> tuple[Market, float]:
    """Prices that bound better, found over all subscribers from good ones, and their bound."""
    best, least = prices, bound(value, wishes, shelf, prices)
    stock, size = prices.stock.copy(), _FIRST_STEP / 10
    for _ in range(rounds):
        spend = spend_of(value, wishes, shelf, stock)
        found = Market(stock.copy(), spend)
        now = bound(value, wishes, shelf, found)
        if now < least:
            best, least = found, now
        else:
            size /= 2
        demand = _demand(_priced(_less(value, stock), spend, shelf), wishes, shelf)
        stock = np.maximum(stock + size * _excess(demand, shelf.stock), 0).astype(np.float32)
    return best, least


def cost_of(boxes: Codes, shelf: Shelf) -> Longs:
    """What each box costs, in minor units."""
    costs = np.append(shelf.cost_minor, 0)  # EMPTY is the last
    return np.asarray(costs[boxes].sum(axis=1), dtype=np.int64)


def settled(
    value: Values,
    wishes: Wishes,
    shelf: Shelf,
    sold: NDArray[np.floating[Any]],
    *,
    start: Market,
    rounds: int,
    first_step: float = _FIRST_STEP,
) -> Prices:
    """Item prices at which these subscribers want no more than is `sold`: a third of the rounds at the first step, then ever smaller ones.

    The answer is the average over the second half of the rounds (Polyak and Juditsky 1992).
    """
    stock, spend, total = start.stock, start.spend, np.zeros(shelf.items)
    bounded = wishes.budget_minor < NO_BUDGET
    typical = max(float(shelf.cost_minor.mean()), 1.0)
    caps = wishes.caps(shelf)
    for number in range(rounds):
        size = first_step / (1 + max(number - rounds // 3, 0) / _SLOWING)
        boxes = best_alone(_priced(_less(value, stock), spend, shelf), wishes.slots, caps, shelf)
        over = np.where(bounded, cost_of(boxes, shelf) - np.where(bounded, wishes.budget_minor, 0), 0)
        spend = np.maximum(spend + size * over / (typical * typical), 0).astype(np.float32)
        demand = np.bincount(boxes[boxes != EMPTY], minlength=shelf.items)
        stock = np.maximum(stock + size * _excess(demand, sold), 0).astype(np.float32)
        if number >= rounds // 2:
            total += stock
    return (total / max(rounds - rounds // 2, 1)).astype(np.float32)


def _excess(demand: NDArray[np.int64], stock: NDArray[np.floating[Any]] | Longs) -> NDArray[np.float64]:
    """How far demand is from stock, between -1 and 1: by the larger of both."""
    return np.asarray((demand - stock) / np.maximum(np.maximum(demand, stock), 1))


def _demand(priced: Values, wishes: Wishes, shelf: Shelf) -> NDArray[np.int64]:
    boxes = best_alone(priced, wishes.slots, wishes.caps(shelf), shelf)
    return np.bincount(boxes[boxes != EMPTY], minlength=shelf.items)


def _halved(less: Values, wishes: Wishes, shelf: Shelf) -> Prices:
    """The spend of one block: what fits for nothing stays at nothing; the upper end of the last half is kept, at which it fits."""
    caps = wishes.caps(shelf)

    def fits(spend: Prices) -> NDArray[np.bool_]:
        boxes = best_alone(_priced(less, spend, shelf), wishes.slots, caps, shelf)
        return np.asarray(cost_of(boxes, shelf) <= wishes.budget_minor)

    low = np.zeros(wishes.subscribers, dtype=np.float32)
    tight = ~fits(low)
    dearest = np.float32(2.0) / np.float32(max(float(np.ptp(shelf.cost_minor)), 1.0))
    high = np.where(tight, dearest, 0).astype(np.float32)
    for _ in range(8):
        more = tight & ~fits(high)
        if not more.any():
            break
        high[more] *= 4
    for _ in range(_HALVINGS if tight.any() else 0):
        middle = ((low + high) / 2).astype(np.float32)
        good = fits(middle)
        high, low = np.where(good, middle, high), np.where(good, low, middle)
    return np.asarray(high, dtype=np.float32)


def _less(value: Values, stock: Prices) -> Values:
    return np.where(value >= 0, value + FILL - stock, np.float32(-1e6)).astype(np.float32)


def _priced(less: Values, spend: Prices, shelf: Shelf) -> Values:
    return np.asarray(less - spend[:, None] * shelf.cost_minor.astype(np.float32), dtype=np.float32)


def _worth(value: Values, boxes: Codes) -> NDArray[np.float64]:
    row, place = np.nonzero(boxes != EMPTY)
    found = np.zeros(boxes.shape[0], dtype=np.float64)
    np.add.at(found, row, value[row, boxes[row, place]])
    return found
