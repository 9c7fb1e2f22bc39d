"""Rows of chosen boxes and of what subscribers did about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class BoxRow(TenantRow):
    """One subscriber's box of one period."""

    __tablename__ = "boxes"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_boxes_customer", "tenant_id", "customer_id"),
        Index("ix_boxes_chosen", "tenant_id", "chosen_at"),
    )

    period: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    plan_key: Mapped[str] = mapped_column(KEY)
    slots: Mapped[int]
    price_minor: Mapped[int]
    budget_minor: Mapped[int]
    contents: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    short_why: Mapped[str]
    chosen_at: Mapped[datetime]


class BoxActRow(TenantRow):
    """A swap or a rating: one of a `kind` (swap, rating) for each item of a box, the last one said."""

    __tablename__ = "box_acts"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    period: Mapped[str] = mapped_column(KEY, primary_key=True)
    item: Mapped[str] = mapped_column(KEY, primary_key=True)
    kind: Mapped[str] = mapped_column(KEY, primary_key=True)
    act: Mapped[str]
    comment: Mapped[str]
    at: Mapped[datetime]
