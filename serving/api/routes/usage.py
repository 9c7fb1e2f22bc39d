"""Usage coming in, and read back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.kernel.clock import utc
from billing.kernel.money import format_quantity
from billing.kernel.period import Period
from billing.metering.amend import Amended, amend
from billing.metering.by_window import usage_by_window
from billing.metering.event import MAX_TEXT
from billing.metering.ingest import Batch, read_batch
from billing.metering.measured import Measured, Need
from billing.metering.store import EventStore
from billing.metering.windows import Window, windows
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.intake.formats import read_body
from serving.intake.group_commit import Intake
from serving.telemetry import EVENTS

router = APIRouter(prefix="/v1", tags=["usage"])
_READ_AT_ONCE = 8_192
_INFLATED = 2  # a compressed body may hold so many times what is read uncompressed


@router.post("/events")
async def post_events(request: Request, context: SecretContext) -> JSONResponse:
    """Take a CloudEvent (structured, binary or batched), a JSON array of events, or one event a line; gzip too.

    The answer comes after the commit, event by event. When more is waiting than is taken at once it is 503 with `Retry-After`.
    """
    body = await request.body()
    headers = {name.lower(): value for name, value in request.headers.items()}
    if len(body) <= _READ_AT_ONCE and "content-encoding" not in headers:
        batch = _read(context, body, headers)
    else:
        batch = await run_in_threadpool(_read, context, body, headers)
    intake: Intake = request.app.state.intake
    receipt = await asyncio.wrap_future(intake.submit(context.principal.scope, batch))
    EVENTS.labels("accepted").inc(receipt.accepted)
    EVENTS.labels("duplicate").inc(receipt.duplicates)
    EVENTS.labels("rejected").inc(len(receipt.rejected))
    return JSONResponse(documents.receipt(receipt))


def _read(context: Context, body: bytes, headers: dict[str, str]) -> Batch:
    most = _INFLATED * context.services.settings.max_body_bytes
    return read_batch(read_body(body, headers, most_bytes=most), now=context.now)


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
        found = EventStore(unit).measure(who.id, what, period, need)
        spans = [] if window is None else windows(period, window, zone)
        parts = usage_by_window(unit, who.id, what, spans, need)
    document = {"customer": who.key, "meter": what.key, **_usage(period, found, need)}
    if window is not None:
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
