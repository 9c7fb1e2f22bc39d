"""Webhook endpoints: where the business is told what happened, what became of each message, and sending again."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from billing.db.session import Unit
from billing.kernel.page import page_size
from billing.webhooks.address import MAX_URL, AddressRule
from billing.webhooks.delivery import Delivery, DeliveryState
from billing.webhooks.endpoint import LONGEST_OVERLAP, MAX_DESCRIPTION, MOST_PATTERNS, Endpoint
from billing.webhooks.register import add_endpoint, change_endpoint, remove_endpoint, rotate_secret, send_test
from billing.webhooks.replay import replay_one, replay_since
from billing.webhooks.signature import endpoint_secret
from billing.webhooks.store import DeliveryStore, EndpointStore
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.jobs.deliver import address_rule, kept_for

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])
_HOUR = timedelta(hours=1)
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL)]
Patterns = Annotated[list[Annotated[str, Field(max_length=400)]], Field(min_length=1, max_length=MOST_PATTERNS)]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION)]


class NewEndpoint(BaseModel):
    """Where to tell of what: kinds such as `invoice.paid`, families such as `invoice.*`, or `*`."""

    url: Url
    events: Patterns = Field(default_factory=lambda: ["*"])
    description: Description = ""
    enabled: bool = True


class EndpointChange(BaseModel):
    """What is to be different; what is left out stays."""

    url: Url | None = None
    events: Patterns | None = None
    description: Description | None = None
    enabled: bool | None = None


class Rotation(BaseModel):
    """How long the old secret signs beside the new one; 0 ends it at once."""

    overlap_hours: int = Field(default=24, ge=0, le=LONGEST_OVERLAP // _HOUR)


class Replay(BaseModel):
    """Which messages to send again: those that came to us from `since` to `until` and that the endpoint missed, or all of them."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    everything: bool = False


@router.post("", status_code=201)
def add(body: NewEndpoint, context: SecretContext) -> JSONResponse:
    """A new endpoint; its secret is in the answer, and in no other but that of a rotation."""

    def work(unit: Unit) -> dict[str, Any]:
        made = add_endpoint(
            unit,
            url=body.url,
            events=body.events,
            description=body.description,
            is_enabled=body.enabled,
            rule=_rule(context),
            now=context.services.clock.now(),
        )
        return {**_endpoint(made), "generation": made.generation}

    return _with_secret(context, context.write(work, body=body, status=201))


@router.get("")
def endpoints(context: SecretContext) -> dict[str, Any]:
    """Every endpoint, oldest first."""
    with context.view() as unit:
        return documents.page([_endpoint(each) for each in EndpointStore(unit).all()], None)


@router.get("/{endpoint_id}")
def endpoint(endpoint_id: str, context: SecretContext) -> dict[str, Any]:
    """One endpoint."""
    with context.view() as unit:
        return _endpoint(EndpointStore(unit).get(endpoint_id))


@router.patch("/{endpoint_id}")
def change(endpoint_id: str, body: EndpointChange, context: SecretContext) -> JSONResponse:
    """Change an endpoint. Disabling skips what waits; after enabling, a replay sends what was missed."""

    def work(unit: Unit) -> dict[str, Any]:
        changed = change_endpoint(
            unit,
            endpoint_id,
            url=body.url,
            events=body.events,
            description=body.description,
            is_enabled=body.enabled,
            rule=_rule(context),
            now=context.services.clock.now(),
        )
        return _endpoint(changed)

    return context.write(work, body=body)


@router.delete("/{endpoint_id}", status_code=204)
def remove(endpoint_id: str, context: SecretContext) -> None:
    """Remove an endpoint with what was, or was to be, delivered to it."""
    with context.unit() as unit:
        remove_endpoint(unit, endpoint_id)


@router.post("/{endpoint_id}/rotate-secret")
def rotate(endpoint_id: str, context: SecretContext, body: Rotation | None = None) -> JSONResponse:
    """A new secret; for a while messages carry a signature by the old one too."""
    overlap = (body or Rotation()).overlap_hours * _HOUR

    def work(unit: Unit) -> dict[str, Any]:
        rotated = rotate_secret(unit, endpoint_id, now=context.services.clock.now(), overlap=overlap)
        return {**_endpoint(rotated), "generation": rotated.generation}

    return _with_secret(context, context.write(work, body=body))


@router.post("/{endpoint_id}/test", status_code=202)
def try_out(endpoint_id: str, context: SecretContext) -> JSONResponse:
    """Send a `webhook.test` message to this endpoint, in its turn."""
    return context.write(
        lambda unit: _delivery(send_test(unit, endpoint_id, now=context.services.clock.now())), status=202
    )


@router.get("/{endpoint_id}/deliveries")
def deliveries(
    endpoint_id: str,
    context: SecretContext,
    state: DeliveryState | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """What was, or is to be, delivered to an endpoint, newest first."""
    with context.view() as unit:
        EndpointStore(unit).get(endpoint_id)
        found = DeliveryStore(unit).page(endpoint_id, limit=page_size(limit), cursor=cursor, state=state)
    return documents.page([_delivery(each) for each in found.items], found.next_cursor)


@router.get("/{endpoint_id}/deliveries/{delivery_id}")
def delivery(endpoint_id: str, delivery_id: str, context: SecretContext) -> dict[str, Any]:
    """One delivery."""
    with context.view() as unit:
        return _delivery(DeliveryStore(unit).get(endpoint_id, delivery_id))


@router.post("/{endpoint_id}/deliveries/{delivery_id}/replay", status_code=202)
def replay_delivery(endpoint_id: str, delivery_id: str, context: SecretContext) -> JSONResponse:
    """Send one message again, with the id it had."""
    return context.write(
        lambda unit: _delivery(replay_one(unit, endpoint_id, delivery_id, now=context.services.clock.now())),
        status=202,
    )


@router.post("/{endpoint_id}/replay", status_code=202)
def replay(endpoint_id: str, body: Replay, context: SecretContext) -> JSONResponse:
    """Send again what an endpoint missed since an instant, with the ids the messages had, behind what waits."""

    def work(unit: Unit) -> dict[str, Any]:
        queued = replay_since(
            unit,
            endpoint_id,
            since=body.since,
            until=body.until,
            everything=body.everything,
            now=context.services.clock.now(),
            kept=kept_for(context.services.settings),
        )
        return {"queued": queued}

    return context.write(work, body=body, status=202)


def _rule(context: Context) -> AddressRule:
    return address_rule(context.services.settings, context.principal.tenant)


def _with_secret(context: Context, answer: JSONResponse) -> JSONResponse:
    """The secret is put into the answer after it was written down, so that kept answers of requests do not hold it."""
    document: dict[str, Any] = orjson.loads(answer.body)
    generation = document.pop("generation")
    secret = endpoint_secret(context.services.secret, context.tenant_id, document["id"], generation)
    replayed = {name: value for name, value in answer.headers.items() if name == "idempotent-replayed"}
    return JSONResponse({**document, "secret": secret}, status_code=answer.status_code, headers=replayed)


def _endpoint(value: Endpoint) -> dict[str, Any]:
    return {
        "id": value.id,
        "url": value.url,
        "description": value.description,
        "events": list(value.events),
        "enabled": value.is_enabled,
        "disabled_reason": None if value.disabled_for is None else value.disabled_for.value,
        "disabled_at": documents.instant(value.disabled_at),
        "failing_since": documents.instant(value.failing_since),
        "old_secret_until": documents.instant(value.previous_until),
        "created_at": documents.instant(value.created_at),
    }


def _delivery(value: Delivery) -> dict[str, Any]:
    return {
        "id": value.id,
        "endpoint": value.endpoint_id,
        "message": value.event_id,
        "type": value.kind,
        "state": value.state.value,
        "attempts": value.attempts,
        "next_attempt_at": documents.instant(value.next_attempt_at),
        "last_attempt_at": documents.instant(value.last_attempt_at),
        "last_status": value.last_status,
        "last_error": value.last_error,
        "excerpt": value.excerpt,
        "settled_at": documents.instant(value.settled_at),
        "created_at": documents.instant(value.created_at),
    }
