"""Rows of products."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import KEY, TenantRow
from billing.tenants.tables import TenantsRow  # noqa: F401 (the table that every tenant column points to)


class ProductRow(TenantRow):
    """A product of the shop. `seen_at` is the purchase its name and price come from; None where the catalogue owns them."""

    __tablename__ = "products"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
    price_minor: Mapped[int]
    cost_minor: Mapped[int | None]
    currency: Mapped[str]
    buyable: Mapped[bool]
    added_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
