"""Rows of buckets: what is left of a customer's limits, one row a bucket."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import KEY, TenantRow
from billing.db.columns import Document


class RateBucketRow(TenantRow):
    """A bucket: `level` drops at `at`, leases as pairs of name and end, and when the row may go; all instants in microseconds."""

    __tablename__ = "rate_buckets"
    __table_args__ = (Index("ix_rate_buckets_ends_at", "tenant_id", "ends_at"),)

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    level: Mapped[int]
    at: Mapped[int]
    leases: Mapped[list[Any]] = mapped_column(Document)
    ends_at: Mapped[int]
