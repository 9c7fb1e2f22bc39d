"""One assignment over all subscribers as a minimum-cost flow, solved exactly by OR-tools (cost scaling; Goldberg 1997).

Each subscriber sends as many units as the box has slots: through a node a category (so many of it at most), over an arc an item (once),
into the item's node (its stock). What cannot be filled goes past the items at a cost that no worth outweighs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.box.problem import Codes, Longs, Shelf

SCALE = 100_000
_PAST = 10 * SCALE


class SolverError(RuntimeError):
    """The solver gave up; its status is in the sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arcs:
    """The pairs that may be chosen: subscriber and item codes, and the value of each in whole units (`SCALE` is a worth of 1)."""

    subscriber: Codes
    item: Codes
    value: Longs


def solve(arcs: Arcs, slots: Codes, caps: Codes, shelf: Shelf) -> Codes:
    """The places (into the arcs) of the pairs chosen: the greatest total value within slots, categories and stock.

    `slots` and `caps` (how many items of a category) have shape (subscribers,).
    """
    from ortools.graph.python import min_cost_flow  # noqa: PLC0415 (a large library that only this needs)

    subscribers, categories = slots.size, int(shelf.category.max(initial=0)) + 1
    shelves = subscribers * (1 + categories)
    sink = shelves + shelf.items
    crossing = arcs.subscriber.astype(np.int64) * categories + shelf.category[arcs.item]
    used, place = np.unique(crossing, return_inverse=True)
    tails = (
        subscribers + crossing,  # a pair: category node -> item
        used // categories,  # subscriber -> category node
        shelves + np.arange(shelf.items),  # item -> sink
        np.arange(subscribers),  # subscriber -> sink: a slot that stays empty
    )
    heads = (shelves + arcs.item, subscribers + used, np.full(shelf.items, sink), np.full(subscribers, sink))
    capacity = (
        np.ones(arcs.item.size, dtype=np.int64),
        caps[used // categories],
        np.minimum(shelf.stock, int(slots.sum())),
        slots,
    )
    cost = (_PAST - arcs.value, np.zeros(used.size), np.zeros(shelf.items), np.full(subscribers, 2 * _PAST))
    flow = min_cost_flow.SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(
        *(np.concatenate(part).astype(np.int64) for part in (tails, heads, capacity, cost))
    )
    supply = np.zeros(sink + 1, dtype=np.int64)
    supply[:subscribers], supply[sink] = slots, -int(slots.sum())
    flow.set_nodes_supplies(np.arange(sink + 1), supply)
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise SolverError(f"the boxes could not be assigned: {status}")
    sent = flow.flows(np.arange(place.size))
    return np.flatnonzero(np.asarray(sent)).astype(np.int32)
