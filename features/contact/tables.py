"""Rows of contact: who is left alone on which channel and why, mailings, and what became of each recipient."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class SuppressionRow(TenantRow):
    """A customer is left alone on a channel for a purpose (`*` is all of them) since a moment; each reason once."""

    __tablename__ = "contact_suppressions"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    channel: Mapped[str] = mapped_column(KEY, primary_key=True)
    purpose: Mapped[str] = mapped_column(KEY, primary_key=True)
    reason: Mapped[str] = mapped_column(KEY, primary_key=True)
    at: Mapped[datetime]


class MailingRow(TenantRow):
    """A mailing to the members of a segment: what for, and what is said. It is never changed; its recipients tell how far it is."""

    __tablename__ = "mailings"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    segment_key: Mapped[str] = mapped_column(KEY)
    purpose: Mapped[str] = mapped_column(KEY)
    content: Mapped[dict[str, Any]] = mapped_column(Document)
    excluded: Mapped[dict[str, int]] = mapped_column(Document)
    created_at: Mapped[datetime]


class RecipientRow(TenantRow):
    """One recipient of a mailing, and what became of the one mail they may get."""

    __tablename__ = "mailing_recipients"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        ForeignKeyConstraint(["tenant_id", "mailing_id"], ["mailings.tenant_id", "mailings.id"]),
        Index("ix_mailing_recipients_state", "tenant_id", "mailing_id", "state", "customer_id"),
        Index("ix_mailing_recipients_customer", "tenant_id", "customer_id"),
    )

    mailing_id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    state: Mapped[str] = mapped_column(KEY)
    reason: Mapped[str]
    attempts: Mapped[int]
    changed_at: Mapped[datetime]
