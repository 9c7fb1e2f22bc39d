"""Holds over HTTP: units of a limit set aside before they are used."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.entitlements.holds.hold import LONGEST, Hold, HoldState, Overdraw
from billing.entitlements.holds.store import HoldStore
from billing.entitlements.holds.use import HoldRequest, commit, release, reserve
from billing.kernel.money import format_quantity
from billing.kernel.page import page_size
from serving.api import documents
from serving.api.context import SecretContext
from serving.payments import overdue_reader

router = APIRouter(prefix="/v1/access/holds", tags=["access"])
_MINUTES = 15

Quantity = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=40, decimal_places=20)]


class NewHold(BaseModel):
    """Units of a limit to set aside; `key` is your own name for it, and asking again with it answers the same hold.

    `expires_in` is in seconds. `overdraw` says what using more than this will do: be refused, take what the limit has left, or be written
    whatever the limit says.
    """

    customer: str = Field(min_length=1, max_length=200)
    feature: str = Field(min_length=1, max_length=200)
    quantity: Quantity = Decimal(1)
    key: str = Field(min_length=1, max_length=200)
    expires_in: int = Field(default=_MINUTES * 60, ge=1, le=int(LONGEST.total_seconds()))
    overdraw: Overdraw = Overdraw.REFUSE

    def request(self) -> HoldRequest:
        """As the use case reads it."""
        return HoldRequest(
            customer=self.customer,
            feature=self.feature,
            quantity=self.quantity,
            key=self.key,
            life=timedelta(seconds=self.expires_in),
            overdraw=self.overdraw,
        )


class Commit(BaseModel):
    """What was used in the end (all that was held by default), with the values that the meter reads."""

    quantity: Quantity | None = None
    data: dict[str, Any] = Field(default_factory=dict, max_length=50)


@router.post("", status_code=201)
def create(body: NewHold, context: SecretContext) -> JSONResponse:
    """Set units aside until they are committed, released, or forgotten; 409 `limit_reached` where there is no room."""

    def work(unit: Unit) -> dict[str, Any]:
        overdue = overdue_reader(context.services, unit, context.now)
        return _shown(unit, reserve(unit, body.request(), now=context.now, overdue=overdue))

    return context.write(work, body=body, status=201)


@router.post("/{hold_id}/commit")
def commit_hold(hold_id: str, body: Commit, context: SecretContext) -> JSONResponse:
    """Turn a hold into usage; what was held and not used is free again."""

    def work(unit: Unit) -> dict[str, Any]:
        return _shown(unit, commit(unit, hold_id, now=context.now, quantity=body.quantity, data=body.data))

    return context.write(work, body=body)


@router.delete("/{hold_id}")
def release_hold(hold_id: str, context: SecretContext) -> JSONResponse:
    """Let the units of a hold go."""
    return context.write(lambda unit: _shown(unit, release(unit, hold_id, now=context.now)))


@router.get("")
def index(
    context: SecretContext,
    customer: str | None = None,
    feature: str | None = None,
    state: HoldState | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Holds, newest first."""
    with context.view() as unit:
        customer_id = CustomerStore(unit).get(customer).id if customer else None
        found = HoldStore(unit).page(
            now=context.now,
            limit=page_size(limit),
            cursor=cursor,
            customer_id=customer_id,
            feature=feature,
            state=state,
        )
        return documents.page([_shown(unit, each) for each in found.items], found.next_cursor)


@router.get("/{hold_id}")
def show(hold_id: str, context: SecretContext) -> dict[str, Any]:
    """One hold by its id or key."""
    with context.view() as unit:
        return _shown(unit, HoldStore(unit).get(hold_id).seen(context.now))


def _shown(unit: Unit, hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "key": hold.key,
        "customer": CustomerStore(unit).by_ids([hold.customer_id])[hold.customer_id].key,
        "feature": hold.feature,
        "quantity": format_quantity(hold.quantity),
        "overdraw": hold.overdraw.value,
        "state": hold.state.value,
        "held_at": documents.instant(hold.held_at),
        "expires_at": documents.instant(hold.expires_at),
        "ended_at": documents.instant(hold.ended_at),
        "used": None if hold.used is None else format_quantity(hold.used),
    }
