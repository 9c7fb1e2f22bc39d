"""Rows of decisions and their outcomes; a decision is never updated."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class DecisionRow(TenantRow):
    """One evaluation: the offer that was made or the reason that none was."""

    __tablename__ = "decisions"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_decisions_customer", "tenant_id", "customer_id", "decided_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    placement: Mapped[str] = mapped_column(KEY)
    target: Mapped[str | None] = mapped_column(KEY)
    target_kind: Mapped[str | None]
    quote_id: Mapped[str | None] = mapped_column(ID)
    message: Mapped[str]
    reason: Mapped[str]
    trace: Mapped[dict[str, Any]] = mapped_column(Document)
    decided_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class OutcomeRow(TenantRow):
    """What came of a decision; each kind once."""

    __tablename__ = "decision_outcomes"
    __table_args__ = (same_tenant("decision_id", DecisionRow),)

    decision_id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(KEY, primary_key=True)
    at: Mapped[datetime]
