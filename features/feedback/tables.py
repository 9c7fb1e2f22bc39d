"""Rows of feedback, and of when each customer was last asked for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant


class FeedbackRow(TenantRow):
    """A rating on its scale (`low` to `high`) about one thing, with the reason in the customer's words."""

    __tablename__ = "feedback"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_feedback_about", "tenant_id", "about_kind", "about"),
        Index("ix_feedback_customer", "tenant_id", "customer_id"),
        Index("ix_feedback_at", "tenant_id", "at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    member: Mapped[str | None] = mapped_column(KEY)
    about_kind: Mapped[str] = mapped_column(KEY)
    about: Mapped[str] = mapped_column(KEY)
    rating: Mapped[int]
    low: Mapped[int]
    high: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class FeedbackAskRow(TenantRow):
    """When a customer was last asked, and how often before and with that."""

    __tablename__ = "feedback_asks"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    asked_at: Mapped[datetime]
    times: Mapped[int]
