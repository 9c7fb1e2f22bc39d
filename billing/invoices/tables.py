"""Rows of invoices, their lines, and the counters behind gapless numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document
from billing.subscriptions.tables import SubscriptionRow


class InvoiceRow(TenantRow):
    """An invoice. (subscription, sequence) is unique: a period is billed once. Invoices of no subscription have no sequence."""

    __tablename__ = "invoices"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        same_tenant("subscription_id", SubscriptionRow),
        UniqueConstraint("tenant_id", "subscription_id", "sequence"),
        UniqueConstraint("tenant_id", "number"),
        Index("ix_invoices_customer", "tenant_id", "customer_id"),
        Index("ix_invoices_closing", "tenant_id", "status", "closes_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(server_default="cycle")
    customer_id: Mapped[str] = mapped_column(ID)
    subscription_id: Mapped[str | None] = mapped_column(ID)
    sequence: Mapped[int | None]
    status: Mapped[str]
    currency: Mapped[str]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    closes_at: Mapped[datetime]
    created_at: Mapped[datetime]
    number: Mapped[str | None] = mapped_column(KEY)
    issued_at: Mapped[datetime | None]
    rated_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    failure: Mapped[str | None]
    version_ids: Mapped[list[str]] = mapped_column(Document)
    total_minor: Mapped[int]
    tax_minor: Mapped[int] = mapped_column(server_default="0")
    credit_minor: Mapped[int]
    prepaid_minor: Mapped[int] = mapped_column(server_default="0")
    paid_minor: Mapped[int] = mapped_column(server_default="0")
    credited_minor: Mapped[int] = mapped_column(server_default="0")
    summary: Mapped[dict[str, Any] | None] = mapped_column(Document)
    parties: Mapped[dict[str, Any] | None] = mapped_column(Document)


class InvoiceLineRow(TenantRow):
    """One line; its key says what it bills, and is unique, so that one fact is billed once."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        same_tenant("invoice_id", InvoiceRow),
        UniqueConstraint("tenant_id", "key"),
    )

    invoice_id: Mapped[str] = mapped_column(ID, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(KEY)
    kind: Mapped[str]
    amount_minor: Mapped[int]
    net_minor: Mapped[int]
    tax_minor: Mapped[int] = mapped_column(server_default="0")
    version_id: Mapped[str] = mapped_column(ID)
    quote_id: Mapped[str | None] = mapped_column(ID)
    document: Mapped[dict[str, Any]] = mapped_column(Document)


class SeriesRow(TenantRow):
    """The last number given in a series of invoice numbers."""

    __tablename__ = "invoice_series"

    series: Mapped[str] = mapped_column(KEY, primary_key=True)
    last_number: Mapped[int]


class MarkRow(TenantRow):
    """How far a job has come: everything that was known before `at` is done."""

    __tablename__ = "billing_marks"

    job: Mapped[str] = mapped_column(KEY, primary_key=True)
    at: Mapped[datetime]
