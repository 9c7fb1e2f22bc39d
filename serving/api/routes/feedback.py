"""Feedback: whether a customer may be asked now, what they say, and how things are rated."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.kernel.clock import utc
from billing.kernel.page import page_size
from features.feedback.feedback import LONGEST_REASON, Feedback
from features.feedback.store import FeedbackStore
from serving.api import documents
from serving.api.context import BrowserContext, SecretContext
from serving.predict.feedback import MayAsk, Said, give_feedback, may_ask, take_turn

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])
Kind = Literal["decision", "offer", "box", "product", "service"]


class FeedbackBody(BaseModel):
    """A rating of 1 to 5 (`scale` 5) or 0 to 10 (`scale` 10) about one thing, and why, in the customer's words.

    `about` is the id of a decision, offer or box, or a product's key; "" for the service as a whole.
    """

    customer: str | None = Field(default=None, max_length=200)
    member: str | None = Field(default=None, min_length=1, max_length=200)
    about_kind: Kind = "service"
    about: str = Field(default="", max_length=200)
    rating: int = Field(ge=0, le=10)
    scale: Literal[5, 10] = 5
    reason: str = Field(default="", max_length=LONGEST_REASON)


class Turn(BaseModel):
    """Whom to ask; a browser's token names the customer itself."""

    customer: str | None = Field(default=None, max_length=200)


@router.post("", status_code=201)
def post_feedback(body: FeedbackBody, context: BrowserContext) -> JSONResponse:
    """Keep what a customer says; a browser speaks for the customer its token names, whether or not they were asked."""
    who = context.speaker(body.customer, body.member)
    said = Said(
        about_kind=body.about_kind,
        about=body.about,
        rating=body.rating,
        scale=body.scale,
        reason=body.reason,
        member=who.member,
    )

    def work(unit: Unit) -> dict[str, Any]:
        customer = CustomerStore(unit).get(who.customer)
        return _document(give_feedback(unit, customer, said, now=context.now), customer.key)

    return context.write(work, body=body, status=201)


@router.get("")
def list_feedback(
    context: SecretContext,
    customer: str | None = None,
    about_kind: Kind | None = None,
    about: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Feedback, newest first."""
    with context.view() as unit:
        who = None if customer is None else CustomerStore(unit).get(customer).id
        found = FeedbackStore(unit).page(
            limit=page_size(limit), cursor=cursor, customer_id=who, about_kind=about_kind, about=about
        )
        names = CustomerStore(unit).by_ids(each.customer_id for each in found.items)
    return documents.page([_document(each, names[each.customer_id].key) for each in found.items], found.next_cursor)


@router.get("/means")
def get_means(
    context: SecretContext,
    start: Annotated[datetime | None, Query(alias="from")] = None,
    end: Annotated[datetime | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    """How each thing was rated from `from` to `to` (excluded), most rated first; a mean is a share of its scale, from 0 to 1."""
    with context.view() as unit:
        found = FeedbackStore(unit).means(start and utc(start), end and utc(end))
    return {
        "items": [
            {
                "about_kind": each.about_kind,
                "about": each.about,
                "count": each.count,
                "mean": round(each.mean, 4),
            }
            for each in found
        ]
    }


@router.get("/ask")
def get_ask(context: BrowserContext, customer: Annotated[str | None, Query(max_length=200)] = None) -> dict[str, Any]:
    """Whether the customer may be asked now, and if not, why; this looks only. Take the turn before the question is shown."""
    asked = context.customer(customer)
    with context.view() as unit:
        return _may(may_ask(unit, CustomerStore(unit).get(asked), now=context.now))


@router.post("/ask")
def post_ask(body: Turn, context: BrowserContext) -> JSONResponse:
    """Take the turn: where the answer is `ask: true`, show the question; nobody is asked again for thirty days."""
    asked = context.customer(body.customer)

    def work(unit: Unit) -> dict[str, Any]:
        return _may(take_turn(unit, CustomerStore(unit).get(asked), now=context.now))

    return context.write(work, body=body)


def _may(found: MayAsk) -> dict[str, Any]:
    return {"ask": found.ask, "reason": found.reason, "again_at": documents.instant(found.again_at)}


def _document(feedback: Feedback, customer: str) -> dict[str, Any]:
    return {
        "id": feedback.id,
        "customer": customer,
        "member": feedback.member,
        "about_kind": feedback.about_kind,
        "about": feedback.about,
        "rating": feedback.rating,
        "scale": feedback.high,
        "reason": feedback.reason,
        "at": documents.instant(feedback.at),
    }
