"""Use cases: say what a plan's box is, and put up the shelf of a period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.catalog.products.store import ProductStore
from billing.catalog.store import CatalogStore
from features.boxes.box_plan import MOST_ITEMS, BoxPeriod, BoxPlanError, PeriodClosedError, PeriodState, ShelfItem
from features.boxes.store import BoxPlanStore, ShelfStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.catalog.item import Product
    from billing.db.session import Unit
    from billing.kernel.money import Money
    from features.boxes.box_plan import BoxPlan


@dataclass(frozen=True, slots=True)
class Stocked:
    """How many of an item there are for a period; `cost` of one where it is not the product's own."""

    item: str
    stock: int
    cost: Money | None = None


def put_box_plan(unit: Unit, plan: BoxPlan, *, now: datetime) -> BoxPlan:
    """Keep what the subscribers of a plan are delivered; the plan has to be there."""
    CatalogStore(unit).latest(plan.key)
    BoxPlanStore(unit).put(plan, now)
    return plan


def put_up_shelf(unit: Unit, period: BoxPeriod, stocked: Sequence[Stocked], *, now: datetime) -> BoxPeriod:
    """Put up the shelf of a period in place of the one before, until its boxes are chosen. Every item is a product with a known cost."""
    period.check_open(now)
    store = ShelfStore(unit)
    before = store.find(period.key)
    if before is not None:
        before = store.lock(period.key)
        if before.state is PeriodState.CHOSEN:
            raise PeriodClosedError("this period's boxes are chosen; its shelf stays as it is", period=period.key)
    if not 0 < len(stocked) <= MOST_ITEMS or len({each.item for each in stocked}) < len(stocked):
        raise BoxPlanError(f"a shelf has 1 to {MOST_ITEMS} items, each named once", field="items")
    products = ProductStore(unit).by_keys(each.item for each in stocked)
    items = [_shelf_item(each, products.get(each.item), period.currency) for each in stocked]
    kept = period if before is None else replace(period, revision=before.revision + 1)
    store.put(kept, items)
    return kept


def _shelf_item(stocked: Stocked, product: Product | None, currency: str) -> ShelfItem:
    if product is None:
        raise BoxPlanError(f"there is no product {stocked.item[:60]!r}", item=stocked.item[:200])
    cost = stocked.cost or product.cost
    if cost is None:
        raise BoxPlanError(
            f"say what one of {stocked.item[:60]!r} costs: without it no margin can be kept", item=stocked.item[:200]
        )
    if cost.currency != currency:
        raise BoxPlanError(
            f"the cost of {stocked.item[:60]!r} is in {cost.currency}, the period's is {currency}", item=stocked.item
        )
    return ShelfItem(
        item=product.key,
        name=product.name or product.key,
        category=product.category,
        cost_minor=cost.amount_minor,
        stock=stocked.stock,
        left=stocked.stock,
    )
