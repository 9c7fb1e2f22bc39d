"""Rows of holds, and the row that those who hold units of one thing wait at."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant


class HoldRow(TenantRow):
    """A hold; its key is the asker's own and makes it unique."""

    __tablename__ = "holds"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        UniqueConstraint("tenant_id", "key"),
        Index("ix_holds_customer", "tenant_id", "customer_id", "meter", "state"),
        Index("ix_holds_expires", "tenant_id", "state", "expires_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(KEY)
    customer_id: Mapped[str] = mapped_column(ID)
    feature: Mapped[str] = mapped_column(KEY)
    meter: Mapped[str] = mapped_column(KEY)
    quantity: Mapped[Decimal]
    overdraw: Mapped[str]
    state: Mapped[str]
    held_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    used: Mapped[Decimal | None]


class HoldGateRow(TenantRow):
    """One row for each customer and meter of which units were ever held: locked while they are counted and set aside."""

    __tablename__ = "hold_gates"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    meter: Mapped[str] = mapped_column(KEY, primary_key=True)
