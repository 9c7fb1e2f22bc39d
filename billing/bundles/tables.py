"""Rows of bundle quotes, and of the shop's policy for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, TenantRow, same_tenant
from billing.db.columns import Document
from billing.invoices.tables import InvoiceRow
from billing.subscriptions.tables import SubscriptionRow


class BundlePolicyRow(TenantRow):
    """A shop's policy: one row a tenant, none while the defaults hold."""

    __tablename__ = "bundle_policies"

    document: Mapped[dict[str, Any]] = mapped_column(Document)
    changed_at: Mapped[datetime]


class BundleQuoteRow(TenantRow):
    """A promised price of a bundle, and what became of it; `parts` never change."""

    __tablename__ = "bundle_quotes"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        same_tenant("subscription_id", SubscriptionRow),
        same_tenant("invoice_id", InvoiceRow),
        Index("ix_bundle_quotes_customer", "tenant_id", "customer_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    subscription_id: Mapped[str | None] = mapped_column(ID)
    revision: Mapped[int | None]
    parts: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    total_minor: Mapped[int]
    currency: Mapped[str]
    margin_rule: Mapped[str]
    quoted_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    invoice_id: Mapped[str | None] = mapped_column(ID)
