"""Rows of the sandbox provider: what it took and gave back, as the books of a real one would have it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow


class SandboxMoveRow(TenantRow):
    """A charge, or a refund of one (`of`); `key` is the asker's and unique."""

    __tablename__ = "sandbox_moves"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index("ix_sandbox_moves_of", "tenant_id", "of"),
        Index("ix_sandbox_moves_invoice", "tenant_id", "invoice"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(KEY)
    of: Mapped[str | None] = mapped_column(ID)
    token: Mapped[str] = mapped_column(KEY)
    invoice: Mapped[str] = mapped_column(KEY)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]
    code: Mapped[str | None]
    made_at: Mapped[datetime]
