"""Rows of credit notes and what they take of each line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document
from billing.invoices.tables import InvoiceRow


class CreditNoteRow(TenantRow):
    """A credit note; where it goes sums to its total, and nothing goes back twice."""

    __tablename__ = "credit_notes"
    __table_args__ = (
        same_tenant("invoice_id", InvoiceRow),
        same_tenant("customer_id", CustomerRow),
        UniqueConstraint("tenant_id", "number"),
        CheckConstraint("applied_minor + to_balance_minor + to_refund_minor = total_minor", name="settled"),
        CheckConstraint("refunded_minor BETWEEN 0 AND to_refund_minor", name="refunded"),
        Index("ix_credit_notes_invoice", "tenant_id", "invoice_id"),
        Index("ix_credit_notes_customer", "tenant_id", "customer_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[str] = mapped_column(KEY)
    invoice_id: Mapped[str] = mapped_column(ID)
    customer_id: Mapped[str] = mapped_column(ID)
    currency: Mapped[str]
    reason: Mapped[str]
    memo: Mapped[str]
    issued_at: Mapped[datetime]
    total_minor: Mapped[int]
    applied_minor: Mapped[int]
    to_balance_minor: Mapped[int]
    to_refund_minor: Mapped[int]
    refunded_minor: Mapped[int]


class CreditNoteLineRow(TenantRow):
    """What a credit note takes of the line at `position` of its invoice."""

    __tablename__ = "credit_note_lines"
    __table_args__ = (same_tenant("credit_note_id", CreditNoteRow),)

    credit_note_id: Mapped[str] = mapped_column(ID, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    taxes: Mapped[list[Any]] = mapped_column(Document)
