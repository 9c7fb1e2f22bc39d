"""Rows of grants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class GrantRow(TenantRow):
    """One right of one customer; `value` is a JSON document so that no-limit and false stay apart; an override says `why`."""

    __tablename__ = "grants"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_grants_customer", "tenant_id", "customer_id", "feature"),
        Index("ix_grants_subscription", "tenant_id", "subscription_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    feature: Mapped[str] = mapped_column(KEY)
    value: Mapped[dict[str, Any]] = mapped_column(Document)
    source_kind: Mapped[str]
    source_key: Mapped[str] = mapped_column(KEY)
    subscription_id: Mapped[str] = mapped_column(ID)
    anchor: Mapped[datetime]
    interval: Mapped[str]
    interval_count: Mapped[int]
    zone: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
