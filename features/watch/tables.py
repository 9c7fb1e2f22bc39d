"""Rows of kept scores and of findings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class KeptScoreRow(TenantRow):
    """What a champion promised of a customer. `outcome` is 1 or 0 once the window has passed, -1 where it cannot be told."""

    __tablename__ = "kept_scores"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_kept_scores_matures", "tenant_id", "task", "matures_at"),
    )

    task: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    as_of: Mapped[datetime] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(KEY)
    value_ppm: Mapped[int]
    horizon_days: Mapped[int]
    matures_at: Mapped[datetime]
    outcome: Mapped[int | None]


class WatchRow(TenantRow):
    """One look at one model: the sentence for people, whether it is an alarm, and the figures."""

    __tablename__ = "model_watches"
    __table_args__ = (Index("ix_model_watches_task", "tenant_id", "task", "id"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    task: Mapped[str] = mapped_column(KEY)
    version: Mapped[str] = mapped_column(KEY)
    at: Mapped[datetime]
    alarm: Mapped[bool]
    sentence: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
