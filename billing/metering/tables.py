"""Rows of usage events. The primary key is the identity of the event, so that a repeat cannot be stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class EventRow(TenantRow):
    """A usage event as it came: (tenant, source, id) is unique for ever.

    An amendment is an event too: `amends` is the event of the same source that it replaces, `first_id` the one its chain began with,
    whose place among equals it takes. What is archived stays and counts no more; `amended_by` is what replaced it.
    """

    __tablename__ = "events"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_events_customer", "tenant_id", "customer_id", "type", "at"),
        Index("ix_events_at", "tenant_id", "at"),
        Index("ix_events_received", "tenant_id", "received_at"),
    )

    source: Mapped[str] = mapped_column(KEY, primary_key=True)
    event_id: Mapped[str] = mapped_column(KEY, primary_key=True)
    type: Mapped[str] = mapped_column(KEY)
    customer_id: Mapped[str] = mapped_column(ID)
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(Document)
    amends: Mapped[str | None] = mapped_column(KEY)
    first_id: Mapped[str | None] = mapped_column(KEY)
    amended_by: Mapped[str | None] = mapped_column(KEY)
    archived_at: Mapped[datetime | None]


_is_archived = EventRow.archived_at.is_not(None)  # few are, and no question for the rest must pass through them
Index(
    "ix_events_archived",
    EventRow.tenant_id,
    EventRow.archived_at,
    sqlite_where=_is_archived,
    postgresql_where=_is_archived,
)
