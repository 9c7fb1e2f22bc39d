"""Segments and handing them out."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response

from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from features.segments.export import select_for
from features.segments.store import SegmentStore
from serving.api import documents
from serving.api.context import SecretContext

router = APIRouter(prefix="/v1/segments", tags=["segments"])
_FIELDS = ("key", "name", "email", "country")
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
        store = SegmentStore(unit)
        segment = store.get(key)
        members = CustomerStore(unit).by_ids(store.members_of(segment.key))
        selection = select_for(members.values(), purpose=purpose, channel=channel)
        store.record_export(
            export_id=new_id("exp"),
            segment=segment.key,
            purpose=purpose,
            channel=channel,
            included=len(selection.included),
            excluded=selection.excluded,
            at=context.now,
        )
    headers = {
        "X-Included": str(len(selection.included)),
        "X-Excluded": orjson.dumps(selection.excluded).decode(),
        "Content-Disposition": f'attachment; filename="segment.{file_format}"',
    }
    return Response(_written(selection.included, file_format), media_type=_MEDIA[file_format], headers=headers)


def _written(customers: tuple[Customer, ...], file_format: str) -> bytes:
    rows = [{field: getattr(customer, field) for field in _FIELDS} for customer in customers]
    if file_format == "jsonl":
        return b"".join(orjson.dumps(row) + b"\n" for row in rows)
    if file_format == "parquet":
        return _parquet(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({field: _tame(value) for field, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _tame(value: str) -> str:
    """A spreadsheet would run a cell that begins like a formula; a quote in front makes it text."""
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _parquet(rows: list[dict[str, str]]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 (heavy, and asked for rarely)
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = io.BytesIO()
    columns = {field: pa.array([row[field] for row in rows], pa.string()) for field in _FIELDS}
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()
