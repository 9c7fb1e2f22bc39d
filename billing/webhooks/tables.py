"""Rows of endpoints and of the deliveries to them. No secret is stored, and what is told stays in the outbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document
from billing.db.tables import OutboxRow


class EndpointRow(TenantRow):
    """Where to tell of what; `lease` is whose turn it is to send, so that two never send to one endpoint at once."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    description: Mapped[str]
    events: Mapped[list[str]] = mapped_column(Document)
    disabled_for: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    generation: Mapped[int]
    previous_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    last_position: Mapped[int]
    lease: Mapped[str | None] = mapped_column(ID)
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class DeliveryRow(TenantRow):
    """One fact for one endpoint, once, however often it is sent."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        same_tenant("endpoint_id", EndpointRow),
        same_tenant("event_id", OutboxRow),
        UniqueConstraint("tenant_id", "endpoint_id", "event_id"),
        Index("ix_webhook_deliveries_state", "tenant_id", "endpoint_id", "state", "position"),
        Index("ix_webhook_deliveries_settled", "tenant_id", "settled_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ID)
    event_id: Mapped[str] = mapped_column(ID)
    kind: Mapped[str] = mapped_column(KEY)
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    excerpt: Mapped[str]
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
