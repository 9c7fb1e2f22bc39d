"""Offers: asking for a decision, telling what came of it, and reading why it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, ValidationError

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.kernel.page import page_size
from features.decisions.store import DecisionStore
from serving.api import documents
from serving.api.context import BrowserContext, SecretContext, browser_context
from serving.predict.asking import Replay
from serving.predict.explained import explained
from serving.predict.outcomes import record_outcome

if TYPE_CHECKING:
    from features.decisions.decision import Decision
    from features.decisions.store import Outcome as Told
    from serving.predict.desk import Desk

router = APIRouter(prefix="/v1/decisions", tags=["offers"])
_REPLAYED = {"Idempotent-Replayed": "true"}


class Ask(BaseModel):
    """Which customer, where; a browser's token names the customer, member and role itself. `context` is not believed and not kept.

    `member` is the person of the customer who would see it and `role` what they may do; without one all members count as one person.
    """

    customer: str | None = Field(default=None, max_length=200)
    placement: str = Field(default="default", min_length=1, max_length=100)
    member: str | None = Field(default=None, min_length=1, max_length=200)
    role: str | None = Field(default=None, min_length=1, max_length=200)
    context: dict[str, Any] = Field(default_factory=dict, max_length=50)


class Outcome(BaseModel):
    """What the customer did with what they saw."""

    kind: Literal["impression", "click", "dismiss", "accept"]


_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": Ask.model_json_schema()}}}}


@router.post("", openapi_extra=_BODY)
async def create(request: Request) -> Response:
    """The offer to show now, with its exact price and expiry, or null and the reason; `wall` explains what the customer ran into.

    An offer keeps its place under the caps for a minute: tell the impression when it is shown, and ask again when that took longer.
    """
    body = _read(await request.body())
    context = await browser_context(request)
    who = context.speaker(body.customer, body.member, body.role)
    key, fingerprint = context.replay_key(body)
    replay = None if key is None else Replay(key=key, fingerprint=fingerprint, at=context.services.clock.now())
    desk: Desk = request.app.state.desk
    answered = await desk.decide(
        context.principal.scope,
        who.customer,
        placement=body.placement,
        now=context.now,
        member=who.member,
        role=who.role,
        replay=replay,
    )
    headers = _REPLAYED if answered.reason is None else None
    return Response(orjson.dumps(answered.document), media_type="application/json", headers=headers)


def _read(body: bytes) -> Ask:
    try:
        return Ask.model_validate_json(body)
    except ValidationError as error:
        told = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(told) from None


@router.post("/{decision_id}/outcome")
def outcome(decision_id: str, body: Outcome, context: BrowserContext) -> JSONResponse:
    """Tell an impression, click, dismissal or acceptance, each once; accepting changes the subscription at the quoted price.

    An impression that comes more than a minute after the offer was served may find its place taken: `late` then says not to show it.
    """

    def work(unit: Unit) -> dict[str, Any]:
        customer_id = None
        if not context.principal.is_secret:
            customer_id = CustomerStore(unit).get(context.customer(None)).id
        return record_outcome(unit, decision_id, body.kind, customer_id=customer_id, now=context.now)

    return context.write(work, body=body)


@router.get("")
def index(
    context: SecretContext,
    customer: str | None = None,
    offered: Annotated[bool | None, Query()] = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Decisions of one customer or all, newest first; `offered` keeps those that made an offer, or those that made none."""
    with context.view() as unit:
        customer_id = None if customer is None else CustomerStore(unit).get(customer).id
        found = DecisionStore(unit).page(
            limit=page_size(limit), cursor=cursor, customer_id=customer_id, has_offer=offered
        )
        names = CustomerStore(unit).by_ids({each.customer_id for each in found.items})
    items = [_document(each, names[each.customer_id].key) for each in found.items]
    return documents.page(items, found.next_cursor)


@router.get("/{decision_id}")
def show(decision_id: str, context: SecretContext) -> dict[str, Any]:
    """One decision with its trace, what came of it and when, its experiments, and in plain sentences why."""
    with context.view() as unit:
        found = DecisionStore(unit).get(decision_id)
        told = DecisionStore(unit).outcomes_of(decision_id)
        key = CustomerStore(unit).by_ids([found.customer_id])[found.customer_id].key
    return {
        **_document(found, key),
        "why": explained(found),
        "trace": dict(found.trace),
        "offer": found.offer,
        "outcomes_at": [_told(each) for each in told],
    }


def _document(found: Decision, customer: str) -> dict[str, Any]:
    return {
        "id": found.id,
        "customer": customer,
        "member": found.member,
        "placement": found.placement,
        "target": found.target,
        "kind": found.target_kind,
        "rule": found.rule,
        "would_target": found.would_target,
        "quote": found.quote_id,
        "reason": found.reason,
        "is_held_out": found.is_held_out,
        "propensity": found.propensity,
        "expected_minor": found.expected_minor,
        "currency": found.currency,
        "experiments": [dict(each) for each in found.experiments],
        "outcomes": sorted(found.outcomes),
        "decided_at": documents.instant(found.decided_at),
        "expires_at": documents.instant(found.expires_at),
    }


def _told(each: Told) -> dict[str, Any]:
    return {"kind": each.kind, "at": documents.instant(each.at)}
