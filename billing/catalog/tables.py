"""Rows of the catalogue. Charges and grants of a version are frozen documents: rate cards are data, pricing is functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document
from billing.tenants.tables import TenantsRow  # noqa: F401 (the table that every tenant column points to)


class PlanRow(TenantRow):
    """A plan or add-on by its key; what it is called and gives is a matter of its versions."""

    __tablename__ = "plans"
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(KEY)
    kind: Mapped[str]


class PlanVersionRow(TenantRow):
    """One published version of a plan; never updated. `rank` orders the ladder, so that a move up is known as one."""

    __tablename__ = "plan_versions"
    __table_args__ = (UniqueConstraint("tenant_id", "plan_id", "number"), same_tenant("plan_id", PlanRow))

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    plan_id: Mapped[str] = mapped_column(ID)
    number: Mapped[int]
    name: Mapped[str]
    rank: Mapped[int]
    requires: Mapped[list[str]] = mapped_column(Document)
    currency: Mapped[str]
    interval: Mapped[str]
    interval_count: Mapped[int]
    charges: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    grants: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    terms: Mapped[dict[str, Any]] = mapped_column(Document, server_default="{}")
    published_at: Mapped[datetime]


class MeterRow(TenantRow):
    """A meter."""

    __tablename__ = "meters"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    name: Mapped[str]
    event_type: Mapped[str] = mapped_column(KEY, index=True)
    aggregation: Mapped[str]
    prop: Mapped[str | None]
    filters: Mapped[dict[str, list[str]]] = mapped_column(Document, server_default="{}")
    groups: Mapped[list[str]] = mapped_column(Document, server_default="[]")
    operation: Mapped[str | None]


class FeatureRow(TenantRow):
    """A feature that plans grant."""

    __tablename__ = "features"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    meter_key: Mapped[str | None] = mapped_column(KEY)
    terms: Mapped[dict[str, Any]] = mapped_column(Document, server_default="{}")
    default_setting: Mapped[str | None]
