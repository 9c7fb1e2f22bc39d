"""Rows of erasures: whose data were removed, when, and what became of it. They are never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class ErasureRow(TenantRow):
    """A customer who was erased: the hash that files on disk are compared with, and the count of rows by what was done."""

    __tablename__ = "erasures"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    customer_hash: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    erased_at: Mapped[datetime]
    done: Mapped[dict[str, Any]] = mapped_column(Document)
