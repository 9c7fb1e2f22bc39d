"""The row of a tenant's offer policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import TenantRow
from billing.db.columns import Document


class OfferPolicyRow(TenantRow):
    """The one policy of a tenant, as its document."""

    __tablename__ = "offer_policies"

    document: Mapped[dict[str, Any]] = mapped_column(Document)
    changed_at: Mapped[datetime]
