"""Rows of a tenant's own tax rules."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow


class TaxRuleRow(TenantRow):
    """A rate of a country, or of a region in it, for one class of what is sold, from `valid_from` until before `valid_to`."""

    __tablename__ = "tax_rules"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    country: Mapped[str] = mapped_column(String(2))
    region: Mapped[str | None] = mapped_column(KEY)
    tax_class: Mapped[str] = mapped_column(KEY)
    rate_key: Mapped[str] = mapped_column(KEY)
    percent: Mapped[Decimal]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
