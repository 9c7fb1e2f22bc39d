"""Rows of served feature vectors and of the checks made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class ServedVectorRow(TenantRow):
    """A vector as an answer used it: `names` of the views in order, `vector` their values as exact text."""

    __tablename__ = "served_vectors"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_served_vectors_served", "tenant_id", "served_at"),
        Index("ix_served_vectors_customer", "tenant_id", "customer_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    surface: Mapped[str] = mapped_column(KEY)
    as_of: Mapped[datetime]
    served_at: Mapped[datetime]
    spec_hash: Mapped[str] = mapped_column(KEY)
    names: Mapped[list[str]] = mapped_column(Document)
    vector: Mapped[list[str]] = mapped_column(Document)


class ServedCheckRow(TenantRow):
    """One run of the check: how many vectors were computed again, how many differed, and the first differences."""

    __tablename__ = "served_checks"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    checked_at: Mapped[datetime]
    sampled: Mapped[int]
    differing: Mapped[int]
    details: Mapped[list[dict[str, Any]]] = mapped_column(Document)
