"""Rows of seller profiles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import TenantRow
from billing.db.columns import Document


class SellerProfileRow(TenantRow):
    """The one profile of a tenant, as the document it was given."""

    __tablename__ = "seller_profiles"

    document: Mapped[dict[str, Any]] = mapped_column(Document)
    updated_at: Mapped[datetime]
