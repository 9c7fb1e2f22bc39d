"""Whether a customer may be contacted, and leaving them alone: bounces and complaints that a mail service tells, or by hand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from features.contact.change import lift, suppress
from features.contact.consent import EMAIL, EVERY, Suppression
from features.contact.store import ContactStore, Suppressed
from serving.api import documents
from serving.api.context import SecretContext
from serving.predict.contact import contact_now

router = APIRouter(prefix="/v1/customers", tags=["customers"])


class NewSuppression(BaseModel):
    """Where and for what to leave a customer alone (`*`: everywhere, for everything), and why."""

    channel: str = Field(default=EMAIL, max_length=60)
    purpose: str = Field(default=EVERY, max_length=60)
    reason: Suppression = Suppression.SUPPRESSED


@router.get("/{key}/contact")
def show(
    key: str,
    context: SecretContext,
    purpose: Annotated[str, Query(max_length=60)] = "marketing",
    channel: Annotated[str, Query(max_length=60)] = EMAIL,
) -> dict[str, Any]:
    """Whether this customer may be contacted now for a purpose on a channel, and if not the first reason; with every suppression."""
    with context.view() as unit:
        customer = CustomerStore(unit).get(key)
        contact, _ = contact_now(
            unit, context.services.settings, purpose=purpose, channel=channel, now=context.now, zones=[customer.zone]
        )
        store = ContactStore(unit)
        reason = store.allows(customer.id, contact)
        found = store.of_customer(customer.id)
    return {
        "customer": customer.key,
        "purpose": purpose,
        "channel": channel,
        "allowed": reason is None,
        "reason": reason,
        "consents": list(customer.consents),
        "suppressions": [_suppression(each) for each in found],
    }


@router.post("/{key}/suppressions", status_code=201)
def add(key: str, body: NewSuppression, context: SecretContext) -> JSONResponse:
    """Leave a customer alone from now on. What was known already keeps its moment."""

    def work(unit: Unit) -> dict[str, Any]:
        customer = CustomerStore(unit).get(key)
        is_new = suppress(unit, customer, body.channel, body.purpose, reason=body.reason, now=context.now)
        found = ContactStore(unit).of_customer(customer.id)
        return {"customer": customer.key, "new": is_new, "suppressions": [_suppression(each) for each in found]}

    return context.write(work, body=body, status=201)


@router.delete("/{key}/suppressions/{channel}/{purpose}")
def remove(key: str, channel: str, purpose: str, context: SecretContext) -> JSONResponse:
    """End it: the customer agreed again, or the address works again. Consent that was withdrawn is given again at `/v1/customers/{key}`."""

    def work(unit: Unit) -> dict[str, Any]:
        customer = CustomerStore(unit).get(key)
        ended = lift(unit, customer, channel, purpose, now=context.now)
        return {"customer": customer.key, "ended": [_suppression(each) for each in ended]}

    return context.write(work)


def _suppression(value: Suppressed) -> dict[str, Any]:
    return {
        "channel": value.channel,
        "purpose": value.purpose,
        "reason": value.reason.value,
        "at": documents.instant(value.at),
    }
