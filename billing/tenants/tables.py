"""Rows of tenants and their keys. Only a key's hash is stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, Base, TenantRow
from billing.db.columns import Document


class TenantsRow(Base):
    """A tenant. This table is the root that the tenant column of all others points to."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(ID, ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    currency: Mapped[str]
    zone: Mapped[str]
    mode: Mapped[str]
    frozen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ApiKeyRow(TenantRow):
    """The hash of a key and what it may do."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "digest"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str]
    digest: Mapped[str]
    hint: Mapped[str]
    origins: Mapped[list[str]] = mapped_column(Document)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
