"""Segments and handing them out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response

from features.segments.standing.store import INSIDE, StandingStore
from features.segments.store import SegmentStore
from serving.api import documents
from serving.api.context import SecretContext
from serving.predict.segment_export import export_segment

router = APIRouter(prefix="/v1/segments", tags=["segments"])
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


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
    channel: Annotated[str, Query(max_length=60)] = "email",
    file_format: Annotated[Literal["csv", "jsonl", "parquet"], Query(alias="format")] = "csv",
) -> Response:
    """The members that may be contacted for a purpose on a channel; the headers say who was left out and why."""
    with context.unit() as unit:
        found = export_segment(unit, key, purpose=purpose, channel=channel, file_format=file_format, now=context.now)
    headers = {
        "X-Included": str(found.included),
        "X-Excluded": orjson.dumps(found.excluded).decode(),
        "Content-Disposition": f'attachment; filename="segment.{file_format}"',
    }
    return Response(found.body, media_type=_MEDIA[file_format], headers=headers)
