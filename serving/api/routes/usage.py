"""Usage coming in, and read back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.money import format_quantity
from billing.kernel.period import Period
from billing.metering.amend import Amended, amend
from billing.metering.event import MAX_TEXT
from billing.metering.ingest import MAX_BATCH, BatchTooLargeError, ingest
from billing.metering.measured import Measured, Need, measure
from billing.metering.store import EventStore
from billing.metering.windows import Window, measure_windows, windows
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.telemetry import EVENTS

router = APIRouter(prefix="/v1", tags=["usage"])
_BINARY_FIELDS = ("id", "source", "type", "subject", "time")


@router.post("/events")
async def post_events(request: Request, context: SecretContext) -> dict[str, Any]:
    """Take a CloudEvent, a JSON array of events, or one event a line; the answer comes after the commit, event by event."""
    body = await request.body()
    events = _read(body, request.headers.get("content-type", ""), dict(request.headers))
    return await run_in_threadpool(_ingest, context, events)


def _ingest(context: Context, events: list[object]) -> dict[str, Any]:
    with context.unit() as unit:
        receipt = ingest(unit, events, now=context.now)
    EVENTS.labels("accepted").inc(receipt.accepted)
    EVENTS.labels("duplicate").inc(receipt.duplicates)
    EVENTS.labels("rejected").inc(len(receipt.rejected))
    return documents.receipt(receipt)


def _read(body: bytes, content_type: str, headers: dict[str, str]) -> list[object]:
    kind = content_type.partition(";")[0].strip().lower()
    if "ce-id" in headers:
        return [_binary_event(body, headers)]
    if kind in {"application/x-ndjson", "application/jsonl", "application/x-jsonlines"}:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) > MAX_BATCH:
            raise BatchTooLargeError(f"send at most {MAX_BATCH} events in one call", limit=MAX_BATCH, sent=len(lines))
        return [_line(line) for line in lines]
    document = _json(body)
    return document if isinstance(document, list) else [document]


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidError(f"the body is not JSON: {error}; for one event a line send application/x-ndjson") from None


def _line(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None  # reported as a bad event at its own index


def _binary_event(body: bytes, headers: dict[str, str]) -> dict[str, object]:
    event: dict[str, object] = {field: headers[f"ce-{field}"] for field in _BINARY_FIELDS if f"ce-{field}" in headers}
    if body.strip():
        event["data"] = _json(body)
    return event


class NewAmendment(BaseModel):
    """What replaces the event `amends` of `source`; what is left out stays as it was. Without `data` the event is retracted."""

    source: str = Field(default="api", min_length=1, max_length=MAX_TEXT)
    amends: str = Field(min_length=1, max_length=MAX_TEXT)
    id: str
    type: str | None = None
    customer: str | None = None
    time: str | None = None
    data: dict[str, Any] | None = None


@router.post("/events/amendments", status_code=201)
def post_amendment(body: NewAmendment, context: SecretContext) -> JSONResponse:
    """Replace an event by another of the same source, or retract it; the first stays for the record and counts no more."""
    document = body.model_dump(exclude={"source", "amends"})

    def work(unit: Unit) -> dict[str, Any]:
        return _amendment(amend(unit, body.source, body.amends, document, now=context.now))

    return context.write(work, body=body, status=201)


def _amendment(value: Amended) -> dict[str, Any]:
    event = value.event
    return {
        "id": event.id,
        "source": event.source,
        "amends": event.amends,
        "type": event.type,
        "time": documents.instant(event.at),
        "data": None if event.archived_at is not None and not event.data else dict(event.data),
        "duplicate": value.is_duplicate,
    }


@router.get("/usage")
def get_usage(
    customer: str,
    meter: str,
    context: SecretContext,
    start: Annotated[datetime, Query(alias="from")],
    end: Annotated[datetime, Query(alias="to")],
    window: Window | None = None,
    group_by: Annotated[list[str] | None, Query(max_length=10)] = None,
    zone: str = "UTC",
) -> dict[str, Any]:
    """A customer's quantity on a meter from `from` (included) to `to` (excluded), by event time.

    `window` divides it by hours, days or months of `zone`, and `group_by` by properties that the meter declares as groups.
    """
    period = Period(utc(start), utc(end))
    need = Need(dimensions=tuple(group_by or ()))
    with context.view() as unit:
        who = CustomerStore(unit).get(customer)
        what = CatalogStore(unit).meter(meter)
        need.check(what)
        if window is None:
            found, parts = EventStore(unit).measure(who.id, what, period, need), None
        else:
            spans = windows(period, window, zone)
            seen = EventStore(unit).readings(who.id, what, period)
            found, parts = measure(what, seen, need, period), measure_windows(what, seen, spans, need)
    document = {"customer": who.key, "meter": what.key, **_usage(period, found, need)}
    if parts is not None:
        document["windows"] = [_usage(span, part, need) for span, part in parts]
    return document


def _usage(period: Period, found: Measured, need: Need) -> dict[str, Any]:
    document: dict[str, Any] = {
        "from": documents.instant(period.start),
        "to": documents.instant(period.end),
        "quantity": format_quantity(found.quantity),
    }
    if need.dimensions:
        document["groups"] = [
            {"by": dict(zip(need.dimensions, key, strict=True)), "quantity": format_quantity(part)}
            for key, part in found.groups.items()
        ]
    return document
