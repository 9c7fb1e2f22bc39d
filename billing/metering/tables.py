"""Rows of usage events, of their identities, of the files they are archived in, and of what they add up to by the hour.

An event's identity has a row of its own, whose primary key it is: a repeat cannot be stored, whatever instant it names. It outlives the
event, which a file may hold in the end. On PostgreSQL the events themselves lie in one partition a month of their own time, and a unique
key of such a table would have to hold that time; kept apart, the identity is unique for ever and over all months.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, Numeric, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document, ExactDecimal

ExactNumber = ExactDecimal().with_variant(Numeric(), "postgresql")
"""A number that the database can add: a numeric of any size where there is one, else the digits as text."""


class EventKeyRow(TenantRow):
    """The identity of an event, taken in the transaction that stores it and never given back; `at` is where the event is to be found."""

    __tablename__ = "event_keys"
    __table_args__ = ({"sqlite_with_rowid": False},)

    source: Mapped[str] = mapped_column(KEY, primary_key=True)
    event_id: Mapped[str] = mapped_column(KEY, primary_key=True)
    at: Mapped[datetime]


class EventRow(TenantRow):
    """A usage event as it came. (tenant, source, id) is in the table of identities once.

    An amendment is an event too: `amends` is the event of the same source that it replaces, `first_id` the one its chain began with,
    whose place among equals it takes. What is archived stays and counts no more; `amended_by` is what replaced it.
    """

    __tablename__ = "events"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "at", "source", "event_id"),
        same_tenant("customer_id", CustomerRow),
        Index("ix_events_customer", "tenant_id", "customer_id", "type", "at"),
        Index("ix_events_received", "tenant_id", "received_at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    tenant_id: Mapped[str] = mapped_column(ID, primary_key=True, sort_order=-1)  # exists, since its customer does
    source: Mapped[str] = mapped_column(KEY, primary_key=True)
    event_id: Mapped[str] = mapped_column(KEY, primary_key=True)
    type: Mapped[str] = mapped_column(KEY)
    customer_id: Mapped[str] = mapped_column(ID)
    at: Mapped[datetime] = mapped_column(primary_key=True)
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


class EventArchiveRow(TenantRow):
    """A file that holds events of one month in place of the table; those that came later are in a further part, or in the table still.

    `known_until` is the latest instant at which one of them came or ceased to count.
    """

    __tablename__ = "event_archives"

    month: Mapped[datetime] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(1000))
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    rows: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    known_until: Mapped[datetime]
    archived_at: Mapped[datetime]


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
