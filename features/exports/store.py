"""The queries over the records of exports: they are added and read, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from billing.kernel.page import Page, decode_cursor, encode_cursor
from features.exports.export import Export, ExportNotFoundError
from features.exports.tables import ExportRow

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


class ExportStore:
    """Reads and writes the records of one tenant's exports."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, export: Export) -> None:
        """Keep that a segment was handed out."""
        self._session.add(_to_row(export))
        self._session.flush()

    def get(self, export_id: str) -> Export:
        """One record. Raises ExportNotFoundError."""
        row = self._session.scalar(select(ExportRow).where(ExportRow.id == export_id))
        if row is None:
            raise ExportNotFoundError(f"there is no export {export_id[:60]!r}", export=export_id[:200])
        return _from_row(row)

    def page(self, *, limit: int, cursor: str | None = None, segment: str | None = None) -> Page[Export]:
        """Records, newest first, optionally of one segment."""
        query = select(ExportRow).order_by(ExportRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(ExportRow.id < decode_cursor(cursor))
        if segment is not None:
            query = query.where(ExportRow.segment_key == segment)
        items = [_from_row(row) for row in self._session.scalars(query)]
        more = len(items) > limit
        return Page(tuple(items[:limit]), encode_cursor(items[limit - 1].id) if more else None)

    def kept_at(self, now: datetime) -> list[Export]:
        """Those whose file is kept at a moment."""
        query = select(ExportRow).where(ExportRow.kept_until > now).order_by(ExportRow.id)
        return [_from_row(row) for row in self._session.scalars(query)]


def _to_row(export: Export) -> ExportRow:
    return ExportRow(
        id=export.id,
        segment_key=export.segment,
        purpose=export.purpose,
        channel=export.channel,
        file_format=export.file_format,
        fields=list(export.fields),
        included=export.included,
        excluded=dict(export.excluded),
        size_bytes=export.size_bytes,
        sha256=export.sha256,
        policy_sha256=export.policy_sha256,
        asked_by=export.asked_by,
        endpoint_id=export.endpoint_id,
        kept_until=export.kept_until,
        created_at=export.created_at,
    )


def _from_row(row: ExportRow) -> Export:
    return Export(
        id=row.id,
        segment=row.segment_key,
        purpose=row.purpose,
        channel=row.channel,
        file_format=row.file_format,
        fields=tuple(row.fields),
        included=row.included,
        excluded=dict(row.excluded),
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        policy_sha256=row.policy_sha256,
        asked_by=row.asked_by,
        endpoint_id=row.endpoint_id,
        kept_until=row.kept_until,
        created_at=row.created_at,
    )
