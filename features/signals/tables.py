"""Rows of signals: one a customer, trigger and crossing, whoever saw it first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class SignalRow(TenantRow):
    """What a trigger found of a customer; `strength_ppm` in millionths, `answered_by` the decision that was accepted."""

    __tablename__ = "signals"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        UniqueConstraint("tenant_id", "customer_id", "trigger", "once_key", name="uq_signals_once"),
        Index("ix_signals_living", "tenant_id", "customer_id", "expires_at"),
        Index("ix_signals_trigger", "tenant_id", "trigger", "rearms_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    trigger: Mapped[str] = mapped_column(KEY)
    once_key: Mapped[str] = mapped_column(KEY)
    subject: Mapped[str | None] = mapped_column(KEY)
    member: Mapped[str | None] = mapped_column(KEY)
    strength_ppm: Mapped[int]
    at: Mapped[datetime]
    raised_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    rearms_at: Mapped[datetime | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(Document)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(ID)
