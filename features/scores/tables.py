"""Rows of scores: the newest of each task for each customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class ScoreRow(TenantRow):
    """What one model says of one customer. `document` holds the value and its reasons; `value_ppm` orders it (millionths)."""

    __tablename__ = "scores"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    task: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[str]
    as_of: Mapped[datetime]
    value_ppm: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Document)
