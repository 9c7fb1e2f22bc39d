"""Segments, and handing them out: as a file at once, or as an export that is kept, listed and pushed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field

from billing.db.session import Unit
from billing.kernel.page import page_size
from features.contact.consent import ANALYTICS, EMAIL
from features.exports.content import MOST_ITEMS
from features.exports.formats import MEDIA
from features.exports.store import ExportStore
from features.segments.standing.store import INSIDE, StandingStore
from features.segments.store import SegmentStore
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.predict.contact import members_query
from serving.predict.export_push import push, require_endpoint
from serving.predict.personal import DEFAULT_ITEMS
from serving.predict.segment_export import Made, Order, record, write_kept

router = APIRouter(prefix="/v1/segments", tags=["segments"])
Format = Literal["csv", "jsonl", "parquet"]
_AT_ONCE = ("key", "name", "email", "country")
"""What the file of a GET says; for analytics, what of it names nobody."""
_NAMELESS = ("key", "country")


class Delivery(BaseModel):
    """Where the rows are pushed: an endpoint of `/v1/webhook-endpoints`."""

    webhook: str = Field(max_length=60)


class NewExport(BaseModel):
    """What for, where, as what, and which fields of those that exports have; `items` is how many are recommended to each."""

    purpose: str = Field(default="marketing", max_length=60)
    channel: str = Field(default=EMAIL, max_length=60)
    format: Format = "csv"
    fields: list[Annotated[str, Field(max_length=60)]] = Field(default_factory=list, max_length=40)
    items: int = Field(default=DEFAULT_ITEMS, ge=1, le=MOST_ITEMS)
    deliver: Delivery | None = None


@router.get("")
def index(context: SecretContext) -> dict[str, Any]:
    """Every segment, largest first."""
    with context.view() as unit:
        return documents.page([documents.segment(item) for item in SegmentStore(unit).all()], None)


@router.get("/standings")
def standings(context: SecretContext) -> dict[str, Any]:
    """How many customers stand in each stage of the life cycle, each RFM class and each rule; `key` is what an export asks for."""
    with context.view() as unit:
        sizes = StandingStore(unit).sizes()
    items = [
        {
            "key": scheme if segment == INSIDE else f"{scheme}:{segment}",
            "scheme": scheme,
            "segment": segment,
            "size": size,
        }
        for scheme, found in sorted(sizes.items())
        for segment, size in sorted(found.items())
    ]
    return documents.page(items, None)


@router.get("/{key}/export")
def export(
    key: str,
    context: SecretContext,
    purpose: Annotated[str, Query(max_length=60)] = "marketing",
    channel: Annotated[str, Query(max_length=60)] = EMAIL,
    file_format: Annotated[Format, Query(alias="format")] = "csv",
) -> FileResponse:
    """The members that may be contacted for a purpose on a channel; the headers say who was left out and why."""
    order = Order(
        segment=key,
        purpose=purpose,
        channel=channel,
        file_format=file_format,
        fields=_NAMELESS if purpose == ANALYTICS else _AT_ONCE,
        asked_by=context.principal.key.id,
    )
    made = write_kept(context.services, context.principal.scope, order, now=context.now)
    with context.unit() as unit:
        kept = record(unit, made)
    headers = {
        "X-Included": str(kept.included),
        "X-Excluded": orjson.dumps(dict(kept.excluded)).decode(),
        "X-Export": kept.id,
        "X-Checksum-Sha256": kept.sha256 or "",
    }
    return FileResponse(made.path, media_type=MEDIA[file_format], filename=f"segment.{file_format}", headers=headers)


@router.post("/{key}/exports", status_code=201)
def create_export(key: str, body: NewExport, context: SecretContext) -> JSONResponse:
    """Hand out a segment: the answer is the manifest; the file is kept for some days at `/v1/exports/{id}/file`.

    With `deliver` the rows are pushed to a webhook too, signed and in order, in messages of up to 500.
    """
    endpoint_id = body.deliver.webhook if body.deliver else None
    if endpoint_id is not None:
        with context.view() as unit:
            members_query(unit, key)
            require_endpoint(unit, endpoint_id, body.format)
    order = Order(
        segment=key,
        purpose=body.purpose,
        channel=body.channel,
        file_format=body.format,
        fields=tuple(body.fields),
        items=body.items,
        asked_by=context.principal.key.id,
        endpoint_id=endpoint_id,
    )
    made = write_kept(context.services, context.principal.scope, order, now=context.now)
    return _recorded(context, made, body)


@router.get("/{key}/exports")
def exports(key: str, context: SecretContext, limit: int | None = None, cursor: str | None = None) -> dict[str, Any]:
    """What was handed out of a segment, newest first; also of one that is no more."""
    with context.view() as unit:
        found = ExportStore(unit).page(limit=page_size(limit), cursor=cursor, segment=key)
    return documents.page([each.to_document() for each in found.items], found.next_cursor)


def _recorded(context: Context, made: Made, body: NewExport) -> JSONResponse:
    """The manifest, kept with the queued push in one transaction; a file that is on no record does not stay."""

    def work(unit: Unit) -> dict[str, Any]:
        kept = record(unit, made)
        now = context.services.clock.now()
        messages = push(unit, made, kept.endpoint_id, now=now) if kept.endpoint_id else 0
        return {**kept.to_document(), "messages": messages}

    try:
        answer = context.write(work, body=body, status=201)
    except Exception:
        made.path.unlink(missing_ok=True)
        raise
    if "idempotent-replayed" in answer.headers:
        made.path.unlink(missing_ok=True)
    return answer
