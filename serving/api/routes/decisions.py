"""Offers: asking for a decision, and telling what came of it."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from features.decisions.store import DecisionStore
from serving.api import documents
from serving.api.context import BrowserContext, SecretContext
from serving.predict.offer import make_decision, record_outcome

router = APIRouter(prefix="/v1/decisions", tags=["offers"])


class Ask(BaseModel):
    """Which customer, where; a browser's token names the customer itself. `context` is not believed and not kept."""

    customer: str | None = Field(default=None, max_length=200)
    placement: str = Field(default="default", max_length=100)
    context: dict[str, Any] = Field(default_factory=dict, max_length=50)


class Outcome(BaseModel):
    """What the customer did with what they saw."""

    kind: Literal["impression", "click", "dismiss", "accept"]


@router.post("")
def create(body: Ask, context: BrowserContext) -> JSONResponse:
    """The offer to show now, with its exact price and expiry, or null and the reason."""
    customer = context.customer(body.customer)
    return context.write(
        lambda unit: make_decision(unit, context.services, customer, placement=body.placement, now=context.now),
        body=body,
    )


@router.post("/{decision_id}/outcome")
def outcome(decision_id: str, body: Outcome, context: BrowserContext) -> JSONResponse:
    """Tell an impression, click, dismissal or acceptance, each once; accepting changes the plan at the quoted price."""

    def work(unit: Unit) -> dict[str, Any]:
        customer_id = None
        if not context.principal.is_secret:
            customer_id = CustomerStore(unit).get(context.customer(None)).id
        return record_outcome(unit, decision_id, body.kind, customer_id=customer_id, now=context.now)

    return context.write(work, body=body)


@router.get("/{decision_id}")
def show(decision_id: str, context: SecretContext) -> dict[str, Any]:
    """One decision with its trace and outcomes: why this customer saw this."""
    with context.view() as unit:
        found = DecisionStore(unit).get(decision_id)
        key = CustomerStore(unit).by_ids([found.customer_id])[found.customer_id].key
    return {
        "id": found.id,
        "customer": key,
        "placement": found.placement,
        "target": found.target,
        "quote": found.quote_id,
        "reason": found.reason,
        "trace": found.trace,
        "outcomes": sorted(found.outcomes),
        "decided_at": documents.instant(found.decided_at),
        "expires_at": documents.instant(found.expires_at),
    }
