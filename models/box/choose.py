"""Chooses everybody's box at once: the greatest total worth that stock, variety and budgets allow.

A budget couples the items of one box, which no flow can say. So prices come first (`prices`): what a unit of stock is worth to all, and a
unit of each budget to its own. Whose budget is tight takes the best box that fits at these prices, exactly (`mend`); what is left is shared
out among all others by one flow, exactly (`flow`). What remains above a budget, or lacks something, is mended box by box.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from models.box.alone import BLOCK
from models.box.flow import SCALE, Arcs, solve
from models.box.mend import Mending
from models.box.prices import Market, market, settled
from models.box.problem import EMPTY, NO_BUDGET, Boxes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.box.alone import Values
    from models.box.prices import Prices
    from models.box.problem import Codes, Longs, Shelf, Wishes

    Tell = Callable[[str], None]


_NONE: Final = np.zeros(0, dtype=np.int32)
_SEED: Final = 20_130
_PARTS: Final = 40  # how often the prices follow what tight budgets have taken
_FOLLOW: Final = 12
_SMALL: Final = 0.05
_LOOKED_AT: Final = 1024
_FEW: Final = 0.05
_BESIDE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseConfig:
    """How wide the first look is, and how many rounds may follow. `margin_weight` bounds what a cheap item gains over a wanted one.

    Another round is solved while more than `few_short` of all boxes lack something that a wider look might find; the rest is mended.
    """

    first_wanted: int = 16
    most_rounds: int = 6
    margin_weight: float = 0.1
    few_short: float = 0.0005


def choose_boxes(
    wishes: Wishes, shelf: Shelf, *, config: ChooseConfig | None = None, tell: Tell | None = None
) -> Boxes:
    """The boxes. The same input gives the same boxes; every rule holds in every box, and a box that cannot be filled is short."""
    if not wishes.subscribers or not shelf.items:
        return Boxes(items=_empty(wishes), rounds=0)
    chosen = config or ChooseConfig()
    value = values(wishes, shelf, chosen.margin_weight)
    prices = _prices(value, wishes, shelf, tell)
    mending = Mending.of(wishes, shelf, value, prices.spend, _empty(wishes))
    tight = np.flatnonzero(prices.spend > 0)
    _sell(mending, tight, prices, tell)
    rounds = _share_out(mending, np.flatnonzero(prices.spend == 0), prices, chosen, tell)
    _mend(mending, tight, tell)
    mending = _with_room(mending, prices, chosen, tell)
    return Boxes(items=_best_first(mending.boxes, value), rounds=rounds)


def _sell(mending: Mending, tight: NDArray[np.int64], prices: Market, tell: Tell | None) -> None:
    """Who has a tight budget takes the best box that fits it, some at a time at the prices; these follow what is left for the others.

    In an order that has nothing to do with who they are, so that nobody comes last because of it.
    """
    order = np.random.default_rng(_SEED).permutation(tight)
    rest = np.flatnonzero(prices.spend == 0)
    stock, again = prices.stock, np.zeros(0, dtype=np.int64)
    parts = np.array_split(order, _PARTS) if order.size else []
    for number, part in enumerate(parts):
        _say(tell, f"tight budgets: {number * order.size // _PARTS:,} of {order.size:,} boxes")
        again = np.concatenate([again, mending.sell(part, stock)])
        to_come = np.concatenate([again, *parts[number + 1 :], rest])
        stock = _followed(mending, to_come, Market(stock, prices.spend))
    mending.improve(again)


def _followed(mending: Mending, to_come: NDArray[np.int64], prices: Market) -> Prices:
    """The prices of what is left, for those who are still to come: a few rounds on a sample of them."""
    if not to_come.size:
        return prices.stock
    rows = np.sort(to_come)[:: max(to_come.size // _LOOKED_AT, 1)]
    start = Market(prices.stock, prices.spend[rows])
    sold = mending.left * (rows.size / to_come.size)
    return settled(
        mending.value[rows],
        mending.wishes.of(rows),
        mending.shelf,
        sold,
        start=start,
        rounds=_FOLLOW,
        first_step=_SMALL,
    )


def _share_out(
    mending: Mending, rows: NDArray[np.int64], prices: Market, config: ChooseConfig, tell: Tell | None
) -> int:
    """Everybody else by one flow over what is left, exactly; wider where a first look was too narrow. The answer is how many rounds."""
    wishes, value = mending.wishes.of(rows), mending.value[rows]
    shelf = replace(mending.shelf, stock=mending.left.copy())
    own = Market(prices.stock, prices.spend[rows])
    wanted = np.full(wishes.subscribers, min(config.first_wanted, shelf.items), dtype=np.int64)
    boxes, rounds = _empty(wishes), 0
    while rows.size and rounds < config.most_rounds:
        rounds += 1
        _say(tell, f"round {rounds}: {int(wanted.sum()):,} possible choices for {wishes.subscribers:,} boxes")
        boxes = _solved(wishes, shelf, value, wanted, own)
        wider = _could_have_more(boxes, wishes, shelf) & (wanted < shelf.items)
        if wider.sum() <= config.few_short * wishes.subscribers:
            break
        wanted[wider] = np.minimum(wanted[wider] * 4, shelf.items)
    mending.give(rows, boxes)
    return rounds


def _could_have_more(boxes: Codes, wishes: Wishes, shelf: Shelf) -> NDArray[np.bool_]:
    """Who lacks something although an item that may come is left."""
    left = shelf.stock - np.bincount(boxes[boxes != EMPTY], minlength=shelf.items)
    short = np.asarray((boxes != EMPTY).sum(axis=1) < wishes.slots)
    short[short] = wishes.allowed[short][:, left > 0].any(axis=1)
    return short


def _mend(mending: Mending, tight: NDArray[np.int64], tell: Tell | None) -> None:
    """Budgets kept, gaps filled, and tight budgets used as well as what is left of the stock allows."""
    above = mending.above_budget()
    if above.size:
        _say(tell, f"{above.size:,} boxes are above their budgets and exchanged")
        mending.improve(above)
        mending.drop()
    short = mending.short()
    if short.size:
        _say(tell, f"{short.size:,} boxes lack something and are looked at again")
        mending.improve(short)
    if tight.size:
        mending.improve(tight, rounds=2)


def _with_room(mending: Mending, prices: Market, config: ChooseConfig, tell: Tell | None) -> Mending:
    """Whoever lacks something chooses again beside some whose budgets are not tight: these give back what they hold and share out the rest.

    What comes of it is kept if fewer gaps are left. Where very many lack something there is too little for all, and nothing is tried.
    """
    short, easy = mending.short(), np.flatnonzero((prices.spend == 0) & (mending.wishes.slots > 0))
    if not 0 < short.size <= max(_FEW * mending.wishes.subscribers, 1) or not easy.size or not (prices.spend > 0).any():
        return mending
    _say(tell, f"{short.size:,} boxes that lack something make room")
    tried = mending.copy()
    some = np.random.default_rng(_SEED).permutation(easy)[: max(_BESIDE * short.size, _LOOKED_AT)]
    others = np.setdiff1d(some, short)
    tried.take_back(others)
    tried.improve(short)
    _share_out(tried, np.sort(others), prices, config, None)
    _mend(tried, np.zeros(0, dtype=np.int64), None)
    return tried if (tried.boxes == EMPTY).sum() < (mending.boxes == EMPTY).sum() else mending


def values(wishes: Wishes, shelf: Shelf, margin_weight: float) -> Values:
    """What each item is worth to each, up to 1, with a bounded bonus for what costs little beside the others; -1 where it must not come."""
    dearest = max(int(shelf.cost_minor.max(initial=0)), 1)
    bonus = margin_weight * (1 - shelf.cost_minor / dearest)
    found = wishes.worth * np.float32(1 - margin_weight) + bonus.astype(np.float32)
    return np.where(wishes.allowed, found, np.float32(-1))


def _prices(value: Values, wishes: Wishes, shelf: Shelf, tell: Tell | None) -> Market:
    """Only a budget needs prices: without one the flow finds its own."""
    if (wishes.budget_minor < NO_BUDGET).any():
        _say(tell, f"prices of {shelf.items:,} items for {wishes.subscribers:,} boxes")
        return market(value, wishes, shelf)
    return Market(np.zeros(shelf.items, dtype=np.float32), np.zeros(wishes.subscribers, dtype=np.float32))


def _solved(wishes: Wishes, shelf: Shelf, value: Values, wanted: Longs, prices: Market) -> Codes:
    arcs = _arcs(value, shelf, wanted, prices)
    taken = solve(arcs, wishes.slots, wishes.caps(shelf), shelf)
    return _boxes(arcs.subscriber[taken], arcs.item[taken], value, wishes)


def _arcs(value: Values, shelf: Shelf, wanted: Longs, prices: Market) -> Arcs:
    """Each subscriber's most promising allowed items at the prices, in blocks so that memory stays bounded."""
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    costs, stocked = shelf.cost_minor.astype(np.float32), shelf.stock > 0
    for start in range(0, value.shape[0], BLOCK):
        rows = slice(start, start + BLOCK)
        worth = value[rows] - prices.spend[rows, None] * costs
        rank = np.where((value[rows] >= 0) & stocked, worth - prices.stock, -np.inf)
        depth = int(wanted[rows].max(initial=0))
        best = np.argsort(-rank, axis=1, kind="stable")[:, :depth]
        row, place = np.nonzero(np.arange(depth) < wanted[rows, None])
        item = best[row, place]
        kept = np.isfinite(rank[row, item])
        parts.append((row[kept] + start, item[kept], worth[row, item][kept]))
    if not parts:
        return Arcs(subscriber=_NONE, item=_NONE, value=_NONE.astype(np.int64))
    subscriber, item, found = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Arcs(
        subscriber=subscriber.astype(np.int32),
        item=item.astype(np.int32),
        value=(np.clip(found, -4, 1) * SCALE).astype(np.int64),
    )


def _boxes(subscriber: Codes, item: Codes, value: Values, wishes: Wishes) -> Codes:
    """Pairs as boxes, each box's best item first."""
    order = np.lexsort((item, -value[subscriber, item], subscriber))
    subscriber, item = subscriber[order], item[order]
    first = np.searchsorted(subscriber, np.arange(wishes.subscribers))
    boxes = _empty(wishes)
    boxes[subscriber, np.arange(subscriber.size) - first[subscriber]] = item
    return boxes


def _empty(wishes: Wishes) -> Codes:
    return np.full((wishes.subscribers, int(wishes.slots.max(initial=0))), EMPTY, dtype=np.int32)


def _best_first(boxes: Codes, value: Values) -> Codes:
    """Each box's best item first."""
    worth = np.where(boxes == EMPTY, -np.inf, np.take_along_axis(value, np.maximum(boxes, 0), axis=1))
    return np.take_along_axis(boxes, np.argsort(-worth, axis=1, kind="stable"), axis=1)


def _say(tell: Tell | None, what: str) -> None:
    if tell:
        tell(what)
