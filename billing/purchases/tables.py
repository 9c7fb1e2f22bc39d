"""Rows of purchase lines."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant


class PurchaseRow(TenantRow):
    """One line of an order. `key` is stable for the source, so that importing a file twice changes nothing."""

    __tablename__ = "purchases"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_purchases_customer", "tenant_id", "customer_id", "at"),
        Index("ix_purchases_at", "tenant_id", "at"),
    )

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    item: Mapped[str] = mapped_column(KEY)
    basket: Mapped[str] = mapped_column(KEY)
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    quantity: Mapped[int]
    amount_minor: Mapped[int]
    currency: Mapped[str]
