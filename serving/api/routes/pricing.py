"""Price previews: what charges or a plan would cost by quantities, seats, single events and who buys. Nothing is stored."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from billing.catalog.store import CatalogStore
from billing.invoices.what_if import Happening, WhatIf
from billing.kernel.cadence import zone_of
from billing.kernel.clock import utc
from billing.kernel.period import Period
from billing.pricing.charge import Charge
from billing.pricing.context import PricingContext
from billing.pricing.quote import priced, quote_document
from billing.pricing.registry import parse_charge
from serving.api.context import SecretContext
from serving.api.routes.subscriptions import PricingFacts

router = APIRouter(prefix="/v1/pricing", tags=["money"])
MOST_EVENTS = 1000

Quantity = Annotated[Decimal, Field(ge=-(10**15), le=10**15, max_digits=40, decimal_places=20)]
Name = Annotated[str, Field(max_length=200)]
Value = Annotated[str, Field(max_length=1000)] | bool | Quantity | None


class ChargeQuantity(BaseModel):
    """A charge and how many units to price."""

    charge: dict[str, Any]
    quantity: Quantity = Decimal(1)


class SupposedEvent(BaseModel):
    """`quantity` units of the charge or meter `key`, or an `event` of a type that the shop's meters count, with its properties."""

    key: Name = ""
    event: Name = ""
    quantity: Quantity = Decimal(1)
    properties: dict[Name, Value] = Field(default_factory=dict, max_length=50)
    at: AwareDatetime | None = None


class SupposedPeriod(BaseModel):
    """A half-open period, over which meters of levels take their average."""

    start: AwareDatetime
    end: AwareDatetime


class PreviewContext(PricingFacts):
    """Who buys, as for a subscription's prices by rule; `hour` is the local hour that quantities without an instant were used at."""

    hour: int | None = Field(default=None, ge=0, le=23)


class PricePreview(BaseModel):
    """Charges to price, or a plan by key with quantities by meter; events say more than quantities where a price asks for more."""

    currency: str | None = Field(default=None, min_length=3, max_length=3)
    charges: list[ChargeQuantity] = Field(default_factory=list, max_length=100)
    plan: str | None = Field(default=None, max_length=200)
    quantities: dict[str, Quantity] = Field(default_factory=dict, max_length=100)
    seats: int = Field(default=1, ge=0, le=1_000_000)
    events: list[SupposedEvent] = Field(default_factory=list, max_length=MOST_EVENTS)
    period: SupposedPeriod | None = None
    context: PreviewContext = Field(default_factory=PreviewContext)


@router.post("/preview")
def preview(body: PricePreview, context: SecretContext) -> dict[str, Any]:
    """Price charges, or a plan in one of its currencies; the lines and their working are those of an invoice."""
    zone_of(body.context.zone)
    pairs, currency = [(parse_charge(item.charge), item.quantity) for item in body.charges], body.currency or "EUR"
    with context.view() as unit:
        meters = CatalogStore(unit).meters() if body.events else {}
        if body.plan is not None:
            version = CatalogStore(unit).latest(body.plan)
            currency = body.currency or version.currency
            charges = [parse_charge(charge) for charge in version.charges_in(currency)]
            pairs += [
                (charge, body.quantities.get(charge.meter or "", Decimal(charge.meter is None))) for charge in charges
            ]
    supposed = Happening(
        events=[
            WhatIf(
                key=event.key,
                type=event.event,
                quantity=event.quantity,
                properties=event.properties,
                at=context.now if event.at is None else utc(event.at),
            )
            for event in body.events
        ],
        meters=meters,
        zone=body.context.zone,
        hour=body.context.hour,
        period=None if body.period is None else Period(utc(body.period.start), utc(body.period.end)),
    )
    supposed.check([charge for charge, _ in pairs])
    facts = _facts(body.context)
    lines = [
        priced(charge, supposed.usage(charge, _quantity(charge, quantity, body.seats)), currency, context=facts)
        for charge, quantity in pairs
    ]
    return quote_document(lines, currency)


def _quantity(charge: Charge, quantity: Decimal, seats: int) -> Decimal:
    return quantity * seats if charge.per_seat else quantity


def _facts(body: PricingFacts) -> PricingContext:
    return PricingContext(
        segments=frozenset(body.segments),
        country=body.country,
        region=body.region,
        committed=body.committed,
        arms=body.experiments,
        zone=body.zone,
    )
