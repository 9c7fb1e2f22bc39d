"""Purchases as they happen: what a shop sells is known to the next recommendation."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, field_validator

from billing.db.session import Unit
from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.money import Money
from billing.metering.event import FUTURE_ALLOWANCE
from billing.purchases.record import record_batch
from serving.api.context import SecretContext

router = APIRouter(prefix="/v1", tags=["purchases"])
MOST_LINES = 5000
Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class PurchaseBody(BaseModel):
    """One line of an order. `key` makes it count once; without it, order, item and place in the call do."""

    customer: Key
    item: Key
    basket: Key
    quantity: int = Field(default=1, ge=1, le=1_000_000)
    unit_price: Decimal = Field(ge=0, le=10**9, max_digits=20, decimal_places=9)
    currency: str = Field(min_length=3, max_length=3)
    at: datetime | None = None
    description: str = Field(default="", max_length=500)
    key: Annotated[str, Field(min_length=1, max_length=190, pattern=r"^[^\x00]+$")] | None = None

    @field_validator("at")
    @classmethod
    def _zoned(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a point in time needs its zone, such as 2026-01-31T09:00:00Z")
        return value


@router.post("/purchases")
def post_purchases(
    body: Annotated[list[PurchaseBody], Field(max_length=MOST_LINES)], context: SecretContext
) -> JSONResponse:
    """Record order lines; customers and products are made as they appear, and a line that is known changes nothing."""
    now = context.now
    late = next((line for line in body if line.at is not None and line.at > now + FUTURE_ALLOWANCE), None)
    if late is not None:
        raise InvalidError("a purchase lies in the future; check the sender's clock", basket=late.basket)
    batch = _batch(body, now)

    def work(unit: Unit) -> dict[str, Any]:
        stored = record_batch(unit, batch, received_at=now) if body else 0
        return {"accepted": stored, "duplicates": len(body) - stored}

    return context.write(work, body=body)


def _derived(basket: str, item: str, place: int) -> str:
    """A key of fixed length that no other basket, item and place have."""
    return "api#" + hashlib.sha256(f"{basket}\x1f{item}\x1f{place}".encode()).hexdigest()


def _batch(lines: list[PurchaseBody], now: datetime) -> dict[str, list[Any]]:
    places: dict[tuple[str, str], int] = {}
    keys = []
    for line in lines:
        place = places[line.basket, line.item] = places.get((line.basket, line.item), 0) + 1
        keys.append(f"api:{line.key}" if line.key else _derived(line.basket, line.item, place))
    return {
        "line_key": keys,
        "customer": [line.customer for line in lines],
        "item": [line.item for line in lines],
        "description": [line.description for line in lines],
        "basket": [line.basket for line in lines],
        "at": [now if line.at is None else utc(line.at) for line in lines],
        "quantity": [line.quantity for line in lines],
        "unit_price": [line.unit_price for line in lines],
        "amount_minor": [Money.round(line.unit_price * line.quantity, line.currency).amount_minor for line in lines],
        "currency": [line.currency for line in lines],
        "country": [""] * len(lines),
    }
