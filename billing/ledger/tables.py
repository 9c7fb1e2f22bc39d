"""Rows of the ledger; append-only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant


class LedgerTransactionRow(TenantRow):
    """One business fact; its natural key makes it unique."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_ledger_transactions_at", "tenant_id", "at"),
        Index("ix_ledger_transactions_customer", "tenant_id", "customer_id", "at"),
    )

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    at: Mapped[datetime]
    description: Mapped[str]
    customer_id: Mapped[str | None] = mapped_column(ID)


class LedgerEntryRow(TenantRow):
    """One side of a transaction: debits positive, credits negative."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "transaction_key"], ["ledger_transactions.tenant_id", "ledger_transactions.key"]
        ),
        Index("ix_ledger_entries_account", "tenant_id", "account", "currency"),
        Index("ix_ledger_entries_customer", "tenant_id", "customer_id", "account"),
    )

    transaction_key: Mapped[str] = mapped_column(KEY, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str] = mapped_column(KEY)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    customer_id: Mapped[str | None] = mapped_column(ID)
