"""A subscriber's own box: what comes next and why, exchanges until the cut-off, and ratings that teach the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from billing.customers.store import CustomerStore
from features.boxes.chosen.box import (
    DISLIKED,
    LIKED,
    LONGEST_COMMENT,
    SWAPPED_IN,
    SWAPPED_OUT,
    Box,
    BoxNotFoundError,
    Content,
    Did,
    RatingError,
    SwapError,
)
from features.boxes.chosen.store import ActStore, BoxStore
from features.boxes.store import BoxPlanStore, ShelfStore
from models.box.problem import EMPTY
from models.box.swap import SwapRefusedError, swap
from serving.predict.boxes import allowed_for, shelf_arrays
from serving.predict.palates import read_palates

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from billing.db.session import Unit
    from features.boxes.box_plan import BoxPeriod, BoxPlan, ShelfItem
    from models.box.problem import Shelf
    from serving.predict.palates import Palates

MOST_ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class MyBox:
    """A box with its period, the names of its shelf by item, and what could come instead, best first."""

    box: Box
    period: BoxPeriod
    names: dict[str, str]
    alternatives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """What an exchange is judged by: the shelf, who asks, and their box as codes."""

    items: tuple[ShelfItem, ...]
    shelf: Shelf
    plan: BoxPlan
    palates: Palates
    codes: NDArray[np.int32]
    allowed: NDArray[np.bool_]


def next_box(unit: Unit, customer: str, *, now: datetime) -> MyBox:
    """The box (by customer key) that may be changed soonest from now, else the last one. Raises BoxNotFoundError."""
    boxes = BoxStore(unit).of_customer(CustomerStore(unit).get(customer).id)
    if not boxes:
        raise BoxNotFoundError("no box was chosen for this customer yet", customer=customer[:200])
    cut_offs = ShelfStore(unit).cut_offs()
    coming = [box for box in boxes if cut_offs[box.period] > now]
    box = min(coming, key=lambda each: (cut_offs[each.period], each.period)) if coming else boxes[0]
    period = ShelfStore(unit).get(box.period)
    table = _table(unit, box, now)
    instead = _alternatives(box, table) if now < period.cut_off else ()
    return MyBox(box, period, {item.item: item.name for item in table.items}, instead)


def swap_item(unit: Unit, customer: str, period_key: str, out: str, into: str, *, now: datetime) -> Box:
    """Put an item of the shelf in the place of one in the box, until the cut-off. Raises SwapError, BoxNotFoundError.

    What is put in comes off the shelf and what goes out back onto it, in one transaction: nobody else gets the same last unit.
    """
    box = BoxStore(unit).lock(period_key, CustomerStore(unit).get(customer).id)
    period = ShelfStore(unit).get(period_key)
    table = _table(unit, box, now)
    place = {item.item: at for at, item in enumerate(table.items)}
    if into not in place:
        raise SwapError("it is not on this period's shelf", reason="not_on_shelf", item=into[:200])
    try:
        swap(
            table.codes,
            place.get(out, EMPTY),
            place[into],
            allowed=table.allowed,
            left=table.shelf.stock,
            shelf=table.shelf,
            budget_minor=box.budget_minor,
            now=now,
            cut_off=period.cut_off,
        )
    except SwapRefusedError as refused:
        raise SwapError(str(refused), reason=refused.code, period=period_key) from None
    if ShelfStore(unit).take(period_key, {into: 1, out: -1}):
        raise SwapError("it has run out for this period", reason="sold_out", item=into)
    after = box.swapped(out, Content(into, "swapped", "you chose it"))
    BoxStore(unit).save(after)
    for item, act in ((out, SWAPPED_OUT), (into, SWAPPED_IN)):
        ActStore(unit).put(Did(customer_id=box.customer_id, period=period_key, item=item, act=act, at=now))
    unit.emit(
        "box.swapped",
        f"{period_key}:{box.customer_id}:{out}:{into}:{now.isoformat()}",
        {"customer": customer, "period": period_key, "out": out, "in": into},
        now,
    )
    return after


def rate_item(
    unit: Unit, customer: str, period_key: str, item: str, *, liked: bool, comment: str = "", now: datetime
) -> Did:
    """Keep what a subscriber thinks of an item of a box, in place of what they thought before. Raises RatingError, BoxNotFoundError."""
    box = BoxStore(unit).get(period_key, CustomerStore(unit).get(customer).id)
    if item not in box.items:
        raise RatingError("only what is in the box can be rated", item=item[:200], period=period_key)
    if len(comment) > LONGEST_COMMENT:
        raise RatingError(f"a comment has at most {LONGEST_COMMENT} characters", field="comment")
    did = Did(
        customer_id=box.customer_id,
        period=period_key,
        item=item,
        act=LIKED if liked else DISLIKED,
        at=now,
        comment=comment.strip(),
    )
    ActStore(unit).put(did)
    return did


def _table(unit: Unit, box: Box, now: datetime) -> _Table:
    """The shelf as this subscriber sees it. What is in the box already is no box of the past: it may come back after a swap."""
    items = tuple(ShelfStore(unit).items(box.period))
    plan = BoxPlanStore(unit).get(box.plan_key)
    palates = read_palates(unit, [box.customer_id], items, now=now, apart_from=box.period)
    place = {item.item: at for at, item in enumerate(items)}
    return _Table(
        items=items,
        shelf=shelf_arrays(items, most_of_category=plan.most_of_category),
        plan=plan,
        palates=palates,
        codes=np.array([place[item] for item in box.items], dtype=np.int32),
        allowed=allowed_for(plan, palates, 0, items),
    )


def _alternatives(box: Box, table: _Table) -> tuple[str, ...]:
    """What is left and allowed, would fit the budget in the place of the dearest item, and is not in the box; best first."""
    costs = table.shelf.cost_minor
    held = table.codes
    spent, dearest = int(costs[held].sum()), int(costs[held].max(initial=0))
    fits = spent - dearest + costs <= box.budget_minor
    open_items = table.allowed & (table.shelf.stock > 0) & fits
    open_items[held] = False
    worth = np.where(open_items, table.palates.worth()[0], -1)
    best = np.argsort(-worth, kind="stable")[:MOST_ALTERNATIVES]
    return tuple(table.items[code].item for code in best if open_items[code])
