"""Rows of deferred lines: how far each has been earned."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, TenantRow, same_tenant
from billing.invoices.tables import InvoiceRow


class DeferredLineRow(TenantRow):
    """A line that was invoiced in advance: what it earns in all, from when to when, and what was recognised of it."""

    __tablename__ = "deferred_lines"
    __table_args__ = (
        same_tenant("invoice_id", InvoiceRow),
        same_tenant("customer_id", CustomerRow),
        Index("ix_deferred_lines_due", "tenant_id", "due_at"),
    )

    invoice_id: Mapped[str] = mapped_column(ID, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[str] = mapped_column(ID)
    currency: Mapped[str]
    issued_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    amount_minor: Mapped[int]
    recognised_minor: Mapped[int]
    due_at: Mapped[datetime | None]
