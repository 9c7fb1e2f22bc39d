"""Exports: the record of what was handed out, each with the manifest of its file, and the file while it is kept."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse

from billing.kernel.page import page_size
from features.exports.fields import FIELDS
from features.exports.formats import MEDIA
from features.exports.store import ExportStore
from serving.api import documents
from serving.api.context import SecretContext
from serving.predict.segment_export import kept_file

router = APIRouter(prefix="/v1/exports", tags=["segments"])


@router.get("")
def index(context: SecretContext, limit: int | None = None, cursor: str | None = None) -> dict[str, Any]:
    """What was handed out, newest first."""
    with context.view() as unit:
        found = ExportStore(unit).page(limit=page_size(limit), cursor=cursor)
    return documents.page([each.to_document() for each in found.items], found.next_cursor)


@router.get("/fields")
def fields(context: SecretContext) -> dict[str, Any]:  # noqa: ARG001 (whoever asks holds a secret key)
    """Every field that an export may have, and whether it is personal."""
    listed = [{"name": field.name, "says": field.says, "personal": field.is_personal} for field in FIELDS.values()]
    return documents.page(listed, None)


@router.get("/{export_id}")
def show(export_id: str, context: SecretContext) -> dict[str, Any]:
    """One manifest: the file's SHA-256, its size, rows, who was left out and why, and the hash of the rules that decided."""
    with context.view() as unit:
        return ExportStore(unit).get(export_id).to_document()


@router.get("/{export_id}/file")
def download(export_id: str, context: SecretContext) -> FileResponse:
    """The file, for the days it is kept; after an erasure it is not given out any more."""
    with context.view() as unit:
        export, path = kept_file(context.services, unit, export_id, now=context.now)
    return FileResponse(
        path,
        media_type=MEDIA[export.file_format],
        filename=f"{export.id}.{export.file_format}",
        headers={"X-Checksum-Sha256": export.sha256 or ""},
    )
