"""Rows of automatic top-ups."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, TenantRow, same_tenant
from billing.wallets.tables import WalletRow


class TopUpRow(TenantRow):
    """A top-up that was asked for; a wallet's are numbered, so that two who ask at once ask once."""

    __tablename__ = "wallet_top_ups"
    __table_args__ = (
        same_tenant("wallet_id", WalletRow),
        UniqueConstraint("tenant_id", "wallet_id", "number"),
        Index("ix_wallet_top_ups_state", "tenant_id", "state"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    wallet_id: Mapped[str] = mapped_column(ID)
    number: Mapped[int]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]
    requested_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    code: Mapped[str | None]
