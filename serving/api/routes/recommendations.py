"""What to show: items and bundles for a customer, never with an error because nothing is known."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Query

from models.recommender.options import MOST_MARGIN_WEIGHT
from serving.api.context import BrowserContext
from serving.predict.recommend import Ask, bundles, recommend
from serving.predict.upgrades import upgrades
from serving.telemetry import RECOMMENDATIONS


class Target(Enum):
    """What kind of next thing is asked for."""

    NEW = "new"
    REORDER = "reorder"
    ADDON = "addon"
    ANY = "any"
    UPGRADE = "upgrade"


class Variant(Enum):
    """Which order: the ranker's, or the blend's as control."""

    RANKED = "ranked"
    CONTROL = "control"


router = APIRouter(prefix="/v1", tags=["recommendations"])
Items = Annotated[list[str], Query(max_length=200)]


@router.get("/recommendations")
def get_recommendations(
    context: BrowserContext,
    customer: Annotated[str | None, Query(max_length=200)] = None,
    placement: Annotated[str, Query(max_length=100)] = "default",
    k: Annotated[int, Query(ge=1, le=100)] = 10,
    cart: Items = [],  # noqa: B006 (FastAPI copies it)
    exclude: Items = [],  # noqa: B006 (FastAPI copies it)
    target: Annotated[Target, Query()] = Target.NEW,
    variant: Annotated[Variant, Query()] = Variant.RANKED,
    margin_weight: Annotated[float, Query(ge=0, le=MOST_MARGIN_WEIGHT)] = 0.0,
    per_category: Annotated[int | None, Query(ge=1, le=100)] = None,
) -> dict[str, Any]:
    """Up to `k` items of a target, each with its reasons; the level says how personal the answer is.

    `new` is what the customer does not own, `reorder` what they do, `any` both, `addon` what completes the cart, `upgrade` the next plan or
    add-on. `margin_weight` lets margins tilt the order within bounds; `variant=control` is the order without the ranker.
    """
    ask = Ask(
        customer=context.customer(customer),
        k=k,
        cart=tuple(cart),
        exclude=tuple(exclude),
        target=target.value,
        margin_weight=margin_weight,
        use_ranker=variant is Variant.RANKED,
        per_category=per_category,
    )
    services = context.services
    with context.view() as unit:
        if target is Target.UPGRADE:
            blocked = frozenset(exclude)
            answer = upgrades(unit, services.counters, ask.customer, k=k, blocked=blocked, now=context.now)
        else:
            answer = recommend(unit, services.models, ask, now=context.now)
    RECOMMENDATIONS.labels(answer["level"]).inc()
    return {**answer, "placement": placement}


@router.get("/bundles")
def get_bundles(
    context: BrowserContext,
    customer: Annotated[str | None, Query(max_length=200)] = None,
    anchor: Annotated[str | None, Query(max_length=200)] = None,
    k: Annotated[int, Query(ge=1, le=20)] = 3,
) -> dict[str, Any]:
    """Up to `k` bundles around an item or a customer's taste, priced, with the margin rule that was kept."""
    ask = Ask(customer=context.customer(customer), k=k, anchor=anchor)
    with context.view() as unit:
        return bundles(unit, context.services.models, ask, now=context.now)
