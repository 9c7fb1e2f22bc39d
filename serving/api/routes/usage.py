"""Usage coming in, and read back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.money import format_quantity
from billing.kernel.period import Period
from billing.metering.ingest import MAX_BATCH, BatchTooLargeError, ingest
from billing.metering.store import EventStore
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


@router.get("/usage")
def get_usage(
    customer: str,
    meter: str,
    context: SecretContext,
    start: Annotated[datetime, Query(alias="from")],
    end: Annotated[datetime, Query(alias="to")],
) -> dict[str, Any]:
    """A customer's quantity on a meter from `from` (included) to `to` (excluded), by event time."""
    period = Period(utc(start), utc(end))
    with context.view() as unit:
        who = CustomerStore(unit).get(customer)
        what = CatalogStore(unit).meter(meter)
        used = EventStore(unit).quantity(who.id, what, period)
    return {
        "customer": who.key,
        "meter": what.key,
        "from": documents.instant(period.start),
        "to": documents.instant(period.end),
        "quantity": format_quantity(used),
    }
