"""Rows of segments and their members."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class SegmentRow(TenantRow):
    """A segment: a readable name, how it came to be, and what its members have in common."""

    __tablename__ = "segments"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    as_of: Mapped[datetime]
    profile: Mapped[dict[str, Any]] = mapped_column(Document)


class SegmentMemberRow(TenantRow):
    """A customer in a segment."""

    __tablename__ = "segment_members"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        ForeignKeyConstraint(["tenant_id", "segment_key"], ["segments.tenant_id", "segments.key"]),
        Index("ix_segment_members_segment", "tenant_id", "segment_key"),
    )

    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    segment_key: Mapped[str] = mapped_column(KEY)
