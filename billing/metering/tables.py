"""Rows of usage events and of what they add up to by the hour. An event's primary key is its identity: a repeat cannot be stored."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document, ExactDecimal

ExactNumber = ExactDecimal().with_variant(Numeric(), "postgresql")
"""A number that the database can add: a numeric of any size where there is one, else the digits as text."""


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


class UsageRollupRow(TenantRow):
    """What one customer's events of one hour add up to on one meter, kept in the transaction that stores the events.

    `count` is how many of them the meter reads, `total` the sum of their values (a sum meter), `largest` the largest (a maximum).
    """

    __tablename__ = "usage_rollups"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    meter_key: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
    total: Mapped[Decimal] = mapped_column(ExactNumber)
    largest: Mapped[Decimal | None] = mapped_column(ExactNumber)


class RolledMeterRow(TenantRow):
    """A meter whose rollups are whole: they hold every event there is, read by the meter as `definition` has it."""

    __tablename__ = "rolled_meters"

    meter_key: Mapped[str] = mapped_column(KEY, primary_key=True)
    definition: Mapped[str] = mapped_column(KEY)
    rolled_at: Mapped[datetime]
