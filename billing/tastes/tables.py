"""Rows of item attributes and of customers' preferences."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class ItemAttributesRow(TenantRow):
    """What one item is, whether or not the catalogue has it yet; the document maps keys to lists of values."""

    __tablename__ = "item_attributes"

    item: Mapped[str] = mapped_column(KEY, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    changed_at: Mapped[datetime]


class PreferencesRow(TenantRow):
    """What one customer declared: a list of kind, key, value and weight."""

    __tablename__ = "preferences"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    document: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    changed_at: Mapped[datetime]
