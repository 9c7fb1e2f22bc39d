"""What to show: items and bundles for a customer, never with an error because nothing is known."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from serving.api.context import BrowserContext
from serving.predict.recommend import Ask, bundles, recommend
from serving.telemetry import RECOMMENDATIONS

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
) -> dict[str, Any]:
    """Up to `k` items the customer does not own, each with its reasons; the level says how personal the answer is."""
    ask = Ask(customer=context.customer(customer), k=k, cart=tuple(cart), exclude=tuple(exclude))
    with context.view() as unit:
        answer = recommend(unit, context.services.models, ask, now=context.now)
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
