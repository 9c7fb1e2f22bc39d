"""Rows of subscriptions, their history, lines waiting for an invoice, and quotes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.catalog.tables import PlanVersionRow
from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class SubscriptionRow(TenantRow):
    """A subscription. `next_boundary_at` is when something falls due, for the billing run's one indexed question; null for never."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        same_tenant("version_id", PlanVersionRow),
        Index("ix_subscriptions_customer", "tenant_id", "customer_id"),
        Index("ix_subscriptions_due", "tenant_id", "status", "next_boundary_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    plan_key: Mapped[str] = mapped_column(KEY)
    version_id: Mapped[str] = mapped_column(ID)
    currency: Mapped[str]
    anchor: Mapped[datetime]
    interval: Mapped[str]
    interval_count: Mapped[int]
    zone: Mapped[str]
    status: Mapped[str]
    started_at: Mapped[datetime]
    trial_ends_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    billed_periods: Mapped[int]
    usage_from: Mapped[datetime]
    sequence: Mapped[int] = mapped_column(server_default="0")
    phase_from: Mapped[int] = mapped_column(server_default="0")
    seats: Mapped[int] = mapped_column(server_default="1")
    scheduled: Mapped[list[dict[str, Any]]] = mapped_column(Document, server_default="[]")
    facts: Mapped[dict[str, Any]] = mapped_column(Document, server_default="{}")
    next_boundary_at: Mapped[datetime | None]
    revision: Mapped[int]


class SubscriptionAddonRow(TenantRow):
    """An add-on on a subscription."""

    __tablename__ = "subscription_addons"
    __table_args__ = (same_tenant("subscription_id", SubscriptionRow), same_tenant("version_id", PlanVersionRow))

    subscription_id: Mapped[str] = mapped_column(ID, primary_key=True)
    plan_key: Mapped[str] = mapped_column(KEY, primary_key=True)
    version_id: Mapped[str] = mapped_column(ID)
    seats: Mapped[int] = mapped_column(server_default="1")
    started_at: Mapped[datetime]


class SubscriptionEventRow(TenantRow):
    """One step of a subscription's history; append-only."""

    __tablename__ = "subscription_events"
    __table_args__ = (
        same_tenant("subscription_id", SubscriptionRow),
        Index("ix_subscription_events_at", "tenant_id", "at"),
        Index("ix_subscription_events_customer", "tenant_id", "customer_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    subscription_id: Mapped[str] = mapped_column(ID)
    customer_id: Mapped[str] = mapped_column(ID)
    kind: Mapped[str]
    plan_key: Mapped[str] = mapped_column(KEY)
    plan_rank: Mapped[int]
    mrr_minor: Mapped[int]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    reason: Mapped[str | None]


class PendingLineRow(TenantRow):
    """A priced line that waits for an invoice, or found one."""

    __tablename__ = "pending_lines"
    __table_args__ = (
        same_tenant("subscription_id", SubscriptionRow),
        Index("ix_pending_lines_open", "tenant_id", "subscription_id", "invoice_id"),
    )

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    subscription_id: Mapped[str] = mapped_column(ID)
    customer_id: Mapped[str] = mapped_column(ID)
    version_id: Mapped[str] = mapped_column(ID)
    quote_id: Mapped[str | None] = mapped_column(ID)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime]
    invoice_id: Mapped[str | None] = mapped_column(ID)


class QuoteRow(TenantRow):
    """A promised price."""

    __tablename__ = "quotes"
    __table_args__ = (same_tenant("subscription_id", SubscriptionRow),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    subscription_id: Mapped[str] = mapped_column(ID)
    target: Mapped[str] = mapped_column(KEY)
    version_id: Mapped[str] = mapped_column(ID)
    seats: Mapped[int] = mapped_column(server_default="1")
    revision: Mapped[int]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    total_minor: Mapped[int]
    recurring_minor: Mapped[int]
    currency: Mapped[str]
    quoted_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
