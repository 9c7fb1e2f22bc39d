"""Rows of wallets; movements are append-only."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant


class WalletRow(TenantRow):
    """A wallet with its overdraft and its rules; its grants hold the rest."""

    __tablename__ = "wallets"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        UniqueConstraint("tenant_id", "customer_id", "currency"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    currency: Mapped[str]
    floor_minor: Mapped[int]
    overdrawn_minor: Mapped[int]
    revision: Mapped[int]
    zone: Mapped[str]
    rate: Mapped[Decimal | None]
    low_balance_minor: Mapped[int | None]
    told_low: Mapped[bool]
    threshold_minor: Mapped[int | None]
    top_up_minor: Mapped[int | None]
    target_minor: Mapped[int | None]
    most_a_month: Mapped[int | None]
    opened_at: Mapped[datetime]


class WalletRecurrenceRow(TenantRow):
    """A grant that comes again every period."""

    __tablename__ = "wallet_recurrences"
    __table_args__ = (
        same_tenant("wallet_id", WalletRow),
        UniqueConstraint("tenant_id", "key"),
        Index("ix_wallet_recurrences_wallet", "tenant_id", "wallet_id"),
        Index("ix_wallet_recurrences_due", "tenant_id", "next_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(ID)
    key: Mapped[str] = mapped_column(KEY)
    amount_minor: Mapped[int]
    credits: Mapped[Decimal | None]
    rate: Mapped[Decimal | None]
    priority: Mapped[int]
    anchor: Mapped[datetime]
    interval: Mapped[str]
    interval_count: Mapped[int]
    zone: Mapped[str]
    keeps_least_minor: Mapped[int]
    keeps_most_minor: Mapped[int]
    first_number: Mapped[int]
    next_number: Mapped[int]
    next_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]


class WalletGrantRow(TenantRow):
    """An amount put into a wallet, and what is left of it."""

    __tablename__ = "wallet_grants"
    __table_args__ = (
        same_tenant("wallet_id", WalletRow),
        same_tenant("recurrence_id", WalletRecurrenceRow),
        UniqueConstraint("tenant_id", "key"),
        Index("ix_wallet_grants_wallet", "tenant_id", "wallet_id", "remaining_minor"),
        Index("ix_wallet_grants_ends", "tenant_id", "expires_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(ID)
    key: Mapped[str] = mapped_column(KEY)
    kind: Mapped[str]
    amount_minor: Mapped[int]
    remaining_minor: Mapped[int]
    credits: Mapped[Decimal | None]
    rate: Mapped[Decimal | None]
    priority: Mapped[int]
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    recurrence_id: Mapped[str | None] = mapped_column(ID)


class WalletMovementRow(TenantRow):
    """One fact of a wallet; its key makes it unique. Without a grant it moved the overdraft."""

    __tablename__ = "wallet_movements"
    __table_args__ = (
        same_tenant("wallet_id", WalletRow),
        same_tenant("grant_id", WalletGrantRow),
        UniqueConstraint("tenant_id", "key"),
        Index("ix_wallet_movements_wallet", "tenant_id", "wallet_id", "id"),
        Index("ix_wallet_movements_invoice", "tenant_id", "invoice_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(ID)
    grant_id: Mapped[str | None] = mapped_column(ID)
    key: Mapped[str] = mapped_column(KEY)
    kind: Mapped[str]
    amount_minor: Mapped[int]
    at: Mapped[datetime]
    invoice_id: Mapped[str | None] = mapped_column(ID)
