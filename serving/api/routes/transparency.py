"""What a customer may be told and may decide: which data led to an offer, what is held for what, and whether they are profiled."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from features.contact.consent import OPTED_OUT
from features.privacy.profiling import set_profiling
from models.triggers.registry import PERSONAL
from serving.api.context import BrowserContext
from serving.predict.transparency import transparency_of

router = APIRouter(prefix="/v1/customers", tags=["privacy"])


class ProfilingBody(BaseModel):
    """Whether anything may be guessed of the customer."""

    allowed: bool


@router.get("/{key}/transparency")
def get_transparency(
    key: str, context: BrowserContext, decision: Annotated[str | None, Query(max_length=200)] = None
) -> dict[str, Any]:
    """Which data led to an offer (this decision, or the latest) and what is held for what; a browser asks for its own customer."""
    asked = context.customer(key)
    with context.view() as unit:
        return transparency_of(unit, CustomerStore(unit).get(asked), decision, now=context.now)


@router.put("/{key}/profiling")
def put_profiling(key: str, body: ProfilingBody, context: BrowserContext) -> JSONResponse:
    """Opt out of profiling, or in again: it holds at once, and what was guessed goes. A browser decides for its own customer."""
    asked = context.customer(key)

    def work(unit: Unit) -> dict[str, Any]:
        customer = set_profiling(unit, asked, allowed=body.allowed, watched=PERSONAL, now=context.now)
        return {"customer": customer.key, "allowed": OPTED_OUT not in customer.consents}

    return context.write(work, body=body)
