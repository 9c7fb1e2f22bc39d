"""Rows of redemptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from billing.catalog.coupons.tables import CouponRow
from billing.customers.tables import CustomerRow
from billing.db.base import ID, TenantRow, same_tenant
from billing.db.columns import Document
from billing.subscriptions.tables import SubscriptionRow


class RedemptionRow(TenantRow):
    """A coupon on a subscription, kept as the document it was when it was redeemed."""

    __tablename__ = "redemptions"
    __table_args__ = (
        same_tenant("coupon_id", CouponRow),
        same_tenant("subscription_id", SubscriptionRow),
        same_tenant("customer_id", CustomerRow),
        Index("ix_redemptions_subscription", "tenant_id", "subscription_id"),
        Index("ix_redemptions_customer", "tenant_id", "coupon_id", "customer_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    coupon_id: Mapped[str] = mapped_column(ID)
    subscription_id: Mapped[str] = mapped_column(ID)
    customer_id: Mapped[str] = mapped_column(ID)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    redeemed_at: Mapped[datetime]
    first_period: Mapped[int]
    ended_at: Mapped[datetime | None]
