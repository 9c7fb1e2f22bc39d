"""Rows of customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow
from billing.db.columns import Document
from billing.tenants.tables import TenantsRow  # noqa: F401 (the table that every tenant column points to)


class CustomerRow(TenantRow):
    """A customer; the business's key is unique within its tenant."""

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(KEY)
    name: Mapped[str]
    email: Mapped[str]
    country: Mapped[str]
    zone: Mapped[str]
    address: Mapped[dict[str, Any]] = mapped_column(Document, server_default="{}")
    region: Mapped[str | None]
    tax_id: Mapped[str | None]
    is_business: Mapped[bool] = mapped_column(server_default=false())
    consents: Mapped[list[str]] = mapped_column(Document)
    created_at: Mapped[datetime]
