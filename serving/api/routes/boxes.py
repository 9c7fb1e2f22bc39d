"""The next box: what plans deliver, the shelf of a period, choosing everybody's boxes, and each subscriber's own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field

from billing.db.session import Unit
from billing.kernel.money import Money
from features.boxes.box_plan import MOST_APART, MOST_DELIVERIES, MOST_ITEMS, MOST_SLOTS, MOST_STOCK, BoxPeriod, BoxPlan
from features.boxes.chosen.box import LONGEST_COMMENT, Box
from features.boxes.put_up import Stocked, put_box_plan, put_up_shelf
from features.boxes.store import BoxPlanStore, ShelfStore
from serving.api import documents
from serving.api.context import BrowserContext, Context, SecretContext
from serving.api.routes.catalog import MoneyBody
from serving.predict.boxes import choose_period, summary
from serving.predict.my_box import MyBox, next_box, rate_item, swap_item
from serving.predict.packing import packing_lines

router = APIRouter(prefix="/v1", tags=["boxes"])
Key = Annotated[str, Field(min_length=1, max_length=200)]
Named = Annotated[str, Path(min_length=1, max_length=200)]


class PlanBody(BaseModel):
    """What the subscribers of a plan are delivered: `slots` items of some categories, of all where none is named.

    What they cost stays below the plan's price shared over its `deliveries` a period, less the margin floor (basis points).
    """

    slots: int = Field(ge=1, le=MOST_SLOTS)
    categories: list[Key] = Field(default_factory=list, max_length=200)
    most_of_category: int = Field(default=2, ge=1, le=MOST_SLOTS)
    margin_floor_bps: int = Field(default=3_000, ge=0, lt=10_000)
    deliveries: int = Field(default=1, ge=1, le=MOST_DELIVERIES)
    apart: int = Field(default=1, ge=0, le=MOST_APART)


class StockBody(BaseModel):
    """How many of a product there are; `cost` of one where it is not the product's own."""

    item: Key
    stock: int = Field(ge=0, le=MOST_STOCK)
    cost: MoneyBody | None = None


class ShelfBody(BaseModel):
    """A period's shelf: boxes are chosen from `choose_at` on (now, where it is left out) and may be changed until `cut_off`."""

    cut_off: AwareDatetime
    choose_at: AwareDatetime | None = None
    currency: str | None = Field(default=None, min_length=3, max_length=3)
    items: list[StockBody] = Field(min_length=1, max_length=MOST_ITEMS)


class ChooseBody(BaseModel):
    """Which period's boxes are chosen."""

    period: Key


class SwapBody(BaseModel):
    """What goes out of the box, and what comes in."""

    out: Key
    into: Key


class RatingBody(BaseModel):
    """What the subscriber thinks of an item of the box."""

    item: Key
    liked: bool
    comment: str = Field(default="", max_length=LONGEST_COMMENT)


@router.put("/boxes/plans/{key}")
def put_plan(key: Named, body: PlanBody, context: SecretContext) -> JSONResponse:
    """Say what the subscribers of a plan are delivered each period."""

    def work(unit: Unit) -> dict[str, Any]:
        wanted = BoxPlan(key=key, **{**body.model_dump(), "categories": tuple(body.categories)})
        return _plan(put_box_plan(unit, wanted, now=context.now))

    return context.write(work, body=body)


@router.get("/boxes/plans")
def plans(context: SecretContext) -> dict[str, Any]:
    """Every box plan."""
    with context.view() as unit:
        return documents.page([_plan(plan) for plan in BoxPlanStore(unit).all().values()], None)


@router.put("/boxes/shelves/{period}")
def put_shelf(period: Named, body: ShelfBody, context: SecretContext) -> JSONResponse:
    """Put up the shelf of a period, in place of the one before, until its boxes are chosen."""

    def work(unit: Unit) -> dict[str, Any]:
        currency = body.currency or context.principal.tenant.currency
        wanted = BoxPeriod(key=period, currency=currency, choose_at=body.choose_at or context.now, cut_off=body.cut_off)
        stocked = [
            Stocked(each.item, each.stock, None if each.cost is None else each.cost.value()) for each in body.items
        ]
        put_up_shelf(unit, wanted, stocked, now=context.now)
        return _summary(unit, period)

    return context.write(work, body=body)


@router.post("/boxes/choose")
def choose(body: ChooseBody, context: SecretContext) -> dict[str, Any]:
    """Choose the boxes of everybody who has none of this period yet. Again, it does nothing twice."""
    done = choose_period(context.services.database, context.principal.scope, body.period, now=context.now)
    with context.view() as unit:
        return {**_summary(unit, body.period), "chosen": done.boxes, "passed_over": done.passed_over}


@router.get("/boxes/{period}")
def show(period: Named, context: SecretContext) -> dict[str, Any]:
    """How a period stands: boxes filled and short with why, what is left of each item, and the margin that stays."""
    with context.view() as unit:
        return _summary(unit, period)


@router.get("/boxes/{period}/packing-list")
def packing_list(period: Named, context: SecretContext) -> StreamingResponse:
    """What goes into whose box, as CSV: a line an item, by customer."""
    lines = packing_lines(context.services.database, context.principal.scope, period)
    headers = {"Content-Disposition": 'attachment; filename="packing-list.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/customers/{key}/boxes/next")
def mine(key: Named, context: BrowserContext) -> dict[str, Any]:
    """The box that comes next, why each item is in it, and what could come instead until the cut-off."""
    customer = context.customer(key)
    with context.view() as unit:
        return _mine(next_box(unit, customer, now=context.now), context)


@router.post("/customers/{key}/boxes/{period}/swap")
def swap(key: Named, period: Named, body: SwapBody, context: BrowserContext) -> JSONResponse:
    """Exchange an item of the box for one that is left, until the cut-off."""
    customer = context.customer(key)

    def work(unit: Unit) -> dict[str, Any]:
        box = swap_item(unit, customer, period, body.out, body.into, now=context.now)
        names = {item.item: item.name for item in ShelfStore(unit).items(period)}
        return _box(box, names)

    return context.write(work, body=body)


@router.post("/customers/{key}/boxes/{period}/ratings")
def rate(key: Named, period: Named, body: RatingBody, context: BrowserContext) -> JSONResponse:
    """Say what an item of the box was like; the next boxes are chosen with it in mind."""
    customer = context.customer(key)

    def work(unit: Unit) -> dict[str, Any]:
        did = rate_item(unit, customer, period, body.item, liked=body.liked, comment=body.comment, now=context.now)
        return {"period": did.period, "item": did.item, "liked": body.liked, "at": documents.instant(did.at)}

    return context.write(work, body=body)


def _plan(plan: BoxPlan) -> dict[str, Any]:
    return {"plan": plan.key, **plan.to_document()}


def _mine(found: MyBox, context: Context) -> dict[str, Any]:
    return {
        **_box(found.box, found.names),
        "cut_off": documents.instant(found.period.cut_off),
        "can_swap": context.now < found.period.cut_off,
        "alternatives": [{"item": item, "name": found.names[item]} for item in found.alternatives],
    }


def _box(box: Box, names: dict[str, str]) -> dict[str, Any]:
    return {
        "period": box.period,
        "plan": box.plan_key,
        "items": [
            {"item": each.item, "name": names.get(each.item, each.item), "reason": each.code, "why": each.sentence}
            for each in box.contents
        ],
        "missing": box.missing,
        "missing_because": box.short_why or None,
        "chosen_at": documents.instant(box.chosen_at),
    }


def _summary(unit: Unit, key: str) -> dict[str, Any]:
    found = summary(unit, key)
    period, currency = found.period, found.period.currency
    return {
        "period": period.key,
        "state": period.state.value,
        "choose_at": documents.instant(period.choose_at),
        "cut_off": documents.instant(period.cut_off),
        "boxes": found.boxes,
        "filled": found.filled,
        "short": found.short,
        "price": documents.money(Money(found.price_minor, currency)),
        "cost": documents.money(Money(found.cost_minor, currency)),
        "margin": documents.money(Money(found.price_minor - found.cost_minor, currency)),
        "items": [
            {
                "item": item.item,
                "name": item.name,
                "category": item.category,
                "cost": documents.money(Money(item.cost_minor, currency)),
                "stock": item.stock,
                "left": item.left,
            }
            for item in found.items
        ],
    }
