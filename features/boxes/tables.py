"""Rows of box plans, of periods and of what their shelves hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import KEY, TenantRow
from billing.db.columns import Document
from billing.tenants.tables import TenantsRow  # noqa: F401 (the table that every tenant column points to)


class BoxPlanRow(TenantRow):
    """What the subscribers of a plan are delivered each period."""

    __tablename__ = "box_plans"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    changed_at: Mapped[datetime]


class BoxPeriodRow(TenantRow):
    """A period whose boxes are to be chosen, or were."""

    __tablename__ = "box_periods"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    currency: Mapped[str]
    choose_at: Mapped[datetime]
    cut_off: Mapped[datetime]
    state: Mapped[str]
    revision: Mapped[int]
    chosen_at: Mapped[datetime | None]


class ShelfRow(TenantRow):
    """An item of a period's shelf; `left_count` is taken from by one statement that never goes below nothing."""

    __tablename__ = "box_shelves"

    period: Mapped[str] = mapped_column(KEY, primary_key=True)
    item: Mapped[str] = mapped_column(KEY, primary_key=True)
    name: Mapped[str]
    category: Mapped[str] = mapped_column(KEY)
    cost_minor: Mapped[int]
    stock: Mapped[int]
    left_count: Mapped[int]
