"""Rows of payments: what came in, how it was asked for, what went back, and what providers told us."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document
from billing.invoices.tables import InvoiceRow


class PaymentRow(TenantRow):
    """Money received for an invoice; `reference` is the payer's or provider's own name for it.

    `surplus_minor` is the part that the invoice no longer needed and that the customer has as credit. A payment by hand has no provider.
    """

    __tablename__ = "payments"
    __table_args__ = (same_tenant("invoice_id", InvoiceRow), UniqueConstraint("tenant_id", "reference"))

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(ID)
    reference: Mapped[str] = mapped_column(KEY)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_at: Mapped[datetime]
    provider: Mapped[str | None]
    charge: Mapped[str | None] = mapped_column(KEY)
    attempt_id: Mapped[str | None] = mapped_column(ID)
    surplus_minor: Mapped[int] = mapped_column(server_default="0")
    refunded_minor: Mapped[int] = mapped_column(server_default="0")


class MethodRow(TenantRow):
    """A payment method that a provider keeps. No number of a card or an account is stored here."""

    __tablename__ = "payment_methods"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_payment_methods_customer", "tenant_id", "customer_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    provider: Mapped[str]
    token: Mapped[str] = mapped_column(KEY)
    account: Mapped[str] = mapped_column(KEY)
    label: Mapped[str]
    is_default: Mapped[bool]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class AttemptRow(TenantRow):
    """A request to a provider, written before it is made; an invoice has at most one whose outcome is open."""

    __tablename__ = "payment_attempts"
    __table_args__ = (
        same_tenant("invoice_id", InvoiceRow),
        same_tenant("method_id", MethodRow),
        UniqueConstraint("tenant_id", "invoice_id", "number"),
        Index("ix_payment_attempts_state", "tenant_id", "state", "prepared_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(ID)
    customer_id: Mapped[str] = mapped_column(ID)
    method_id: Mapped[str] = mapped_column(ID)
    provider: Mapped[str]
    number: Mapped[int]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]
    prepared_at: Mapped[datetime]
    reference: Mapped[str | None] = mapped_column(KEY)
    code: Mapped[str | None]
    retryable: Mapped[bool | None]
    settled_at: Mapped[datetime | None]


class DunningRow(TenantRow):
    """Where the collection of an invoice is."""

    __tablename__ = "dunnings"
    __table_args__ = (
        same_tenant("invoice_id", InvoiceRow),
        same_tenant("customer_id", CustomerRow),
        Index("ix_dunnings_customer", "tenant_id", "customer_id", "state"),
        Index("ix_dunnings_gives_up", "tenant_id", "state", "gives_up_at"),
    )

    invoice_id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    state: Mapped[str]
    failures: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    past_due_at: Mapped[datetime | None]
    gives_up_at: Mapped[datetime | None]
    blocked_method: Mapped[str | None] = mapped_column(ID)
    last_code: Mapped[str | None]


class RefundRow(TenantRow):
    """Money given back of a payment; `target_minor` is what was to be given back in all with it."""

    __tablename__ = "refunds"
    __table_args__ = (
        same_tenant("payment_id", PaymentRow),
        Index("ix_refunds_state", "tenant_id", "state", "prepared_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    payment_id: Mapped[str] = mapped_column(ID)
    amount_minor: Mapped[int]
    target_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    prepared_at: Mapped[datetime]
    reference: Mapped[str | None] = mapped_column(KEY)
    code: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class DisputeRow(TenantRow):
    """A payment that a bank took back until it is decided; `id` is the provider's name and the dispute's."""

    __tablename__ = "disputes"
    __table_args__ = (same_tenant("payment_id", PaymentRow), Index("ix_disputes_payment", "tenant_id", "payment_id"))

    id: Mapped[str] = mapped_column(KEY, primary_key=True)
    payment_id: Mapped[str] = mapped_column(ID)
    amount_minor: Mapped[int]
    fee_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ProviderEventRow(TenantRow):
    """A message of a provider, once; `outcome` says what became of it."""

    __tablename__ = "provider_events"

    provider: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(KEY, primary_key=True)
    name: Mapped[str]
    outcome: Mapped[str]
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    received_at: Mapped[datetime]


def _one_open(name: str, row: type[AttemptRow | RefundRow], of: str, states: tuple[str, ...]) -> Index:
    """At most one row in these states for each value of a column."""
    is_open = row.state.in_(states)
    return Index(name, row.tenant_id, getattr(row, of), unique=True, sqlite_where=is_open, postgresql_where=is_open)


_one_open("uq_payment_attempts_open", AttemptRow, "invoice_id", ("prepared", "pending", "review"))
_one_open("uq_refunds_open", RefundRow, "payment_id", ("prepared", "pending"))
