"""Rows of coupons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow
from billing.db.columns import Document


class CouponRow(TenantRow):
    """A coupon that never changes but in how often it was redeemed and whether it still may be."""

    __tablename__ = "coupons"
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(KEY)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    redeemed: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
