"""Rows of standings: the segment a customer is in, by scheme."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant


class StandingRow(TenantRow):
    """A customer's segment within a scheme (`life_cycle`, `rfm`, `rule:<key>`), and the evaluation that put them there."""

    __tablename__ = "segment_standings"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_segment_standings_customer", "tenant_id", "customer_id"),
        Index("ix_segment_standings_segment", "tenant_id", "scheme", "segment"),
    )

    scheme: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    segment: Mapped[str] = mapped_column(KEY)
    since: Mapped[datetime]
