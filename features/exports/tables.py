"""Rows of exports: the record of each file that was handed out. They are never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow
from billing.db.columns import Document

SHA256 = String(64)


class ExportRow(TenantRow):
    """That a segment was handed out: what for, who asked, which fields of how many went and who was left out, and the file's checksum.

    Rows from before files had manifests have no checksum and nobody who asked.
    """

    __tablename__ = "segment_exports"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    segment_key: Mapped[str] = mapped_column(KEY)
    purpose: Mapped[str]
    channel: Mapped[str]
    included: Mapped[int]
    excluded: Mapped[dict[str, int]] = mapped_column(Document)
    created_at: Mapped[datetime]
    file_format: Mapped[str] = mapped_column(KEY, server_default="csv")
    fields: Mapped[list[str]] = mapped_column(Document, server_default="[]")
    size_bytes: Mapped[int] = mapped_column(server_default="0")
    sha256: Mapped[str | None] = mapped_column(SHA256)
    policy_sha256: Mapped[str | None] = mapped_column(SHA256)
    asked_by: Mapped[str | None]
    endpoint_id: Mapped[str | None] = mapped_column(ID)
    kept_until: Mapped[datetime | None]
