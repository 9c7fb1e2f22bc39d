"""Rows of restraints: the latest beginning and the latest end of each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant


class RestraintRow(TenantRow):
    """A ticket or a cancellation of a customer. An end may be known before the beginning."""

    __tablename__ = "restraints"
    __table_args__ = (same_tenant("customer_id", CustomerRow),)

    customer_id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(KEY, primary_key=True)
    reference: Mapped[str] = mapped_column(KEY, primary_key=True)
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    lapses_at: Mapped[datetime | None]
