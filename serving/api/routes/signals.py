"""Signals: what was seen of a customer, what the business's events mean, and the switch for an incident."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.subscriptions.store import SubscriptionStore
from features.offers.store import OfferPolicyStore
from features.signals.settings import document_of, settings_from
from features.signals.setup.store import SetupStore
from features.signals.store import SignalStore
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.predict.plain_words import said_of
from serving.predict.signals import signals_of

router = APIRouter(prefix="/v1", tags=["signals"])


class IncidentBody(BaseModel):
    """What is broken for everybody, and until when at the latest; without `until` it lasts till it is ended."""

    note: str = Field(default="", max_length=500)
    until: datetime | None = None


@router.get("/customers/{key}/signals")
def get_signals(key: str, context: SecretContext) -> dict[str, Any]:
    """What an offer to a customer may answer now, each with its evidence, and what holds offers back."""
    now = context.now
    with context.view() as unit:
        customer = CustomerStore(unit).get(key)
        running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
        thresholds = OfferPolicyStore(unit).get().limit_thresholds
        seen = signals_of(unit, context.services, customer, running, now=now, thresholds=thresholds)
    return {
        "customer": customer.key,
        "as_of": documents.instant(now),
        "signals": [
            {
                "trigger": each.trigger,
                "subject": each.subject,
                "strength": round(each.strength, 4),
                "at": documents.instant(each.at),
                "evidence": dict(each.evidence),
                "sentence": said_of(each.trigger, each.subject, each.evidence),
            }
            for each in seen.signals
        ],
        "held_back_by": [
            {"kind": each.kind, "since": documents.instant(each.since), "until": documents.instant(each.until)}
            for each in seen.negatives
        ],
        "denials": dict(seen.denials),
    }


@router.get("/signals/settings")
def get_settings(context: SecretContext) -> dict[str, Any]:
    """Everything that may be set, as it is, and how many signals count now by trigger."""
    with context.view() as unit:
        settings, _ = SetupStore(unit).read(context.now)
        return {"settings": document_of(settings), "counting": SignalStore(unit).counts(context.now)}


@router.put("/signals/settings")
def put_settings(body: dict[str, Any], context: SecretContext) -> JSONResponse:
    """Set what differs from the defaults, in place of what was set; it holds for what comes from now on."""
    settings = settings_from(body)

    def work(unit: Unit) -> dict[str, Any]:
        SetupStore(unit).write(settings, context.now)
        return {"settings": document_of(settings)}

    return context.write(work, body=body)


@router.get("/signals/incident")
def get_incident(context: SecretContext) -> dict[str, Any]:
    """Whether offers are held back from everybody."""
    with context.view() as unit:
        return _incident(context, unit)


@router.put("/signals/incident")
def put_incident(body: IncidentBody, context: SecretContext) -> JSONResponse:
    """Something is broken: hold offers back from everybody, at once."""
    until = None if body.until is None else utc(body.until)
    if until is not None and until <= context.now:
        raise InvalidError("'until' lies ahead", field="until")

    def work(unit: Unit) -> dict[str, Any]:
        SetupStore(unit).begin_incident(body.note, until, context.now)
        return _incident(context, unit)

    return context.write(work, body=body)


@router.delete("/signals/incident")
def delete_incident(context: SecretContext) -> JSONResponse:
    """It works again; ending what has ended changes nothing."""

    def work(unit: Unit) -> dict[str, Any]:
        SetupStore(unit).end_incident(context.now)
        return _incident(context, unit)

    return context.write(work)


def _incident(context: Context, unit: Unit) -> dict[str, Any]:
    store = SetupStore(unit)
    _, incident = store.read(context.now)
    if incident is None:
        return {"open": False, "since": None, "until": None, "note": ""}
    return {
        "open": True,
        "since": documents.instant(incident.since),
        "until": documents.instant(incident.until),
        "note": store.note(),
    }
