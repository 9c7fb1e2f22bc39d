"""Choosing a period's boxes: everything is read at one instant, chosen together, and published in one transaction or not at all.

Whoever has a box keeps it: a run that was killed published nothing, a second run fills only who came since, from what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from billing.catalog.store import CatalogStore
from billing.kernel.errors import ConflictError
from billing.subscriptions.fees import recurring_of
from billing.subscriptions.store import SubscriptionStore
from features.boxes.box_plan import PeriodClosedError
from features.boxes.chosen.box import Box, Content
from features.boxes.chosen.store import BoxStore
from features.boxes.store import BoxPlanStore, ShelfStore
from models.box.alone import best_alone
from models.box.choose import choose_boxes
from models.box.problem import EMPTY, Shelf, Wishes
from models.box.reasons import reasons
from serving.predict.palates import read_palates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.kernel.money import Money
    from billing.subscriptions.subscription import Subscription
    from features.boxes.box_plan import BoxPeriod, BoxPlan, ShelfItem
    from models.box.problem import Boxes
    from serving.predict.palates import Palates

_BATCH = 5_000
STOCK, BUDGET, WISHES = "stock", "budget", "wishes"


class ShelfMovedError(ConflictError):
    """The shelf or its boxes changed while this choice was made; nothing was published."""

    code = "shelf_moved"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who gets a box: which box plan, the price of one delivery, and what its contents may cost."""

    subscription: Subscription
    plan: BoxPlan
    price_minor: int
    budget_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenBoxes:
    """What a run published: new boxes, how many of them lack something, and who was passed over for paying in another currency."""

    period: str
    boxes: int
    short: int
    passed_over: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A period's boxes: filled, and short by why; what is left of each item, what all cost and what subscribers pay for them."""

    period: BoxPeriod
    boxes: int
    filled: int
    short: dict[str, int]
    price_minor: int
    cost_minor: int
    items: tuple[ShelfItem, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a choice is made from, as it was read."""

    period: BoxPeriod
    shelf: tuple[ShelfItem, ...]
    subscribers: tuple[Subscriber, ...]
    passed_over: int
    palates: Palates


def choose_period(
    database: Database, scope: Scope, key: str, *, now: datetime, tell: Callable[[str], None] | None = None
) -> ChosenBoxes:
    """Choose and publish the boxes of everybody who has none of this period yet. Raises PeriodClosedError, ShelfMovedError."""
    with database.view(scope) as unit:
        asked = _read(unit, key, now)
    if not asked.subscribers:
        with database.unit(scope) as unit:
            ShelfStore(unit).mark_looked_at(key, now)
        return ChosenBoxes(period=key, boxes=0, short=0, passed_over=asked.passed_over)
    wishes, shelf = _problem(asked)
    chosen = choose_boxes(wishes, shelf, tell=tell)
    boxes = _boxes(asked, wishes, shelf, chosen, now)
    with database.unit(scope) as unit:
        _publish(unit, asked.period, boxes, now)
    short = sum(1 for box in boxes if box.missing)
    return ChosenBoxes(period=key, boxes=len(boxes), short=short, passed_over=asked.passed_over)


def shelf_arrays(items: Sequence[ShelfItem], *, most_of_category: int = 1) -> Shelf:
    """What is left of a shelf as arrays, in its order."""
    codes = {name: code for code, name in enumerate(sorted({item.category for item in items}))}
    return Shelf(
        category=np.array([codes[item.category] for item in items], dtype=np.int32),
        cost_minor=np.array([item.cost_minor for item in items], dtype=np.int64),
        stock=np.array([item.left for item in items], dtype=np.int64),
        most_of_category=most_of_category,
    )


def allowed_for(plan: BoxPlan, palates: Palates, row: int, items: Sequence[ShelfItem]) -> NDArray[np.bool_]:
    """What may be in a subscriber's box: of the plan's categories, let through by every hard wish, and not in the last boxes."""
    ago = palates.boxes_ago[row]
    fresh = (ago == 0) | (ago > plan.apart)
    mine = np.array([not plan.categories or item.category in plan.categories for item in items])
    return np.asarray(palates.admitted[row] & fresh & mine)


def _read(unit: Unit, key: str, now: datetime) -> _Asked:
    period = ShelfStore(unit).get(key)
    period.check_open(now)
    shelf = tuple(ShelfStore(unit).items(key))
    subscribers, passed_over = _subscribers(unit, period)
    palates = read_palates(
        unit, [each.subscription.customer_id for each in subscribers], shelf, now=now, apart_from=key
    )
    return _Asked(period, shelf, subscribers, passed_over, palates)


def _subscribers(unit: Unit, period: BoxPeriod) -> tuple[tuple[Subscriber, ...], int]:
    """Who is to get a box; passed over is who pays in another currency than the shelf's costs are in."""
    plans, owners = BoxPlanStore(unit).all(), BoxStore(unit).owners(period.key)
    prices: dict[tuple[object, ...], Money] = {}
    found: list[Subscriber] = []
    passed_over, after = 0, ""
    while batch := SubscriptionStore(unit).active_on(plans.keys(), after=after, limit=_BATCH):
        after = batch[-1].id
        for each in batch:
            if each.customer_id in owners or (each.ends_at is not None and each.ends_at <= period.cut_off):
                continue
            if each.currency != period.currency:
                passed_over += 1
                continue
            price = _price(unit, each, prices)
            plan = plans[each.plan_key]
            found.append(Subscriber(each, plan, price.amount_minor // plan.deliveries, plan.budget_minor(price)))
    return tuple(found), passed_over


def _price(unit: Unit, subscription: Subscription, known: dict[tuple[object, ...], Money]) -> Money:
    """The plan's own fee a period, in the subscriber's seats; read once for all who pay alike."""
    facts = subscription.facts.to_document()
    place = (subscription.version_id, subscription.seats, subscription.currency, repr(facts))
    if place not in known:
        version = CatalogStore(unit).by_ids([subscription.version_id])[subscription.version_id]
        known[place] = recurring_of([(version, subscription.seats)], subscription.currency, subscription.facts)
    return known[place]


def _problem(asked: _Asked) -> tuple[Wishes, Shelf]:
    subscribers = asked.subscribers
    by_plan: dict[str, NDArray[np.bool_]] = {}
    for each in subscribers:
        if each.plan.key not in by_plan:
            categories = each.plan.categories
            by_plan[each.plan.key] = np.array([not categories or item.category in categories for item in asked.shelf])
    ago = asked.palates.boxes_ago
    apart = np.array([each.plan.apart for each in subscribers])
    mine = np.stack([by_plan[each.plan.key] for each in subscribers])
    wishes = Wishes(
        worth=asked.palates.worth(),
        allowed=asked.palates.admitted & mine & ((ago == 0) | (ago > apart[:, None])),
        slots=np.array([each.plan.slots for each in subscribers], dtype=np.int32),
        budget_minor=np.array([each.budget_minor for each in subscribers], dtype=np.int64),
        most_alike=np.array([each.plan.most_of_category for each in subscribers], dtype=np.int32),
    )
    return wishes, shelf_arrays(asked.shelf)


def _boxes(asked: _Asked, wishes: Wishes, shelf: Shelf, chosen: Boxes, now: datetime) -> list[Box]:
    endless = np.where(wishes.allowed, wishes.worth, np.float32(-1))
    first = best_alone(endless, wishes.slots, wishes.caps(shelf), shelf)
    short_why = _short_why(wishes, shelf, chosen)
    boxes = []
    for row, subscriber in enumerate(asked.subscribers):
        why = reasons(
            chosen.items[row],
            row,
            tastes=asked.palates.tastes,
            attributes=asked.palates.attributes,
            names=asked.palates.names,
            first_choice=first[row],
        )
        boxes.append(
            Box(
                period=asked.period.key,
                customer_id=subscriber.subscription.customer_id,
                plan_key=subscriber.plan.key,
                slots=subscriber.plan.slots,
                price_minor=subscriber.price_minor,
                budget_minor=subscriber.budget_minor,
                contents=tuple(Content(asked.shelf[each.item].item, each.code, each.sentence) for each in why),
                short_why=short_why.get(row, ""),
                chosen_at=now,
            )
        )
    return boxes


def _short_why(wishes: Wishes, shelf: Shelf, chosen: Boxes) -> dict[int, str]:
    """Why boxes could not be filled, by row: too little is allowed, the cheapest of it costs too much, or else it had run out."""
    rows = np.flatnonzero(chosen.missing(wishes.slots) > 0)
    some = wishes.of(rows)
    anything = np.where(some.allowed, np.float32(1), np.float32(-1))
    possible = (best_alone(anything, some.slots, some.caps(shelf), shelf) != EMPTY).sum(axis=1)
    costs = np.sort(np.where(some.allowed, shelf.cost_minor, np.iinfo(np.int32).max), axis=1)
    cheapest = np.where(np.arange(costs.shape[1]) < some.slots[:, None], costs, 0).sum(axis=1)
    why = np.where(possible < some.slots, WISHES, np.where(cheapest > some.budget_minor, BUDGET, STOCK))
    return dict(zip(rows.tolist(), why.tolist(), strict=True))


def _publish(unit: Unit, read: BoxPeriod, boxes: Sequence[Box], now: datetime) -> None:
    shelves, store = ShelfStore(unit), BoxStore(unit)
    period = shelves.lock(read.key)
    period.check_open(now)
    if period.revision != read.revision or store.owners(read.key) & {box.customer_id for box in boxes}:
        raise ShelfMovedError("the shelf or its boxes changed meanwhile; choose again", period=read.key)
    counts: dict[str, int] = {}
    for box in boxes:
        for item in box.items:
            counts[item] = counts.get(item, 0) + 1
    gone = shelves.take(read.key, counts)
    if gone:
        raise ShelfMovedError("what was left was taken meanwhile; choose again", period=read.key, items=gone[:20])
    store.add_many(boxes)
    shelves.mark_chosen(read.key, now)
    told = {"period": read.key, "boxes": len(boxes), "short": sum(1 for box in boxes if box.missing)}
    unit.emit_once("boxes.chosen", f"{read.key}:{now.isoformat()}", told, now)


def summary(unit: Unit, key: str) -> Standing:
    """How a period stands."""
    period, items = ShelfStore(unit).get(key), ShelfStore(unit).items(key)
    shorts = BoxStore(unit).shorts(key)
    boxes, price_minor = BoxStore(unit).totals(key)
    return Standing(
        period=period,
        boxes=boxes,
        filled=shorts.get("", 0),
        short={why: count for why, count in sorted(shorts.items()) if why},
        price_minor=price_minor,
        cost_minor=sum((item.stock - item.left) * item.cost_minor for item in items),
        items=tuple(items),
    )


def choose_due(database: Database, scope: Scope, *, now: datetime) -> tuple[int, list[tuple[str, str]]]:
    """Choose for every period whose time has come, and for who came since; (boxes, what failed with why)."""
    with database.view(scope) as unit:
        due = ShelfStore(unit).due(now)
    done, failed = 0, []
    for key in due:
        try:
            done += choose_period(database, scope, key, now=now).boxes
        except (PeriodClosedError, ShelfMovedError) as error:
            failed.append((key, error.detail))
    return done, failed
