"""Rows of the plumbing: effects waiting to leave (outbox) and answers given to requests that may come again (replays)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow
from billing.db.columns import Document


class OutboxRow(TenantRow):
    """A fact to tell the outside world, written in the transaction that made it true."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index("ix_outbox_waiting", "tenant_id", "published_at", "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(KEY)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class ReplayRow(TenantRow):
    """The answer to a write that carried an `Idempotency-Key`, kept so that the same request is answered the same."""

    __tablename__ = "replays"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any] | list[Any] | None] = mapped_column(Document)
    created_at: Mapped[datetime]
