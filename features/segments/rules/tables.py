"""Rows of segments by rule."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import KEY, TenantRow
from billing.db.columns import Document


class SegmentRuleRow(TenantRow):
    """A rule: its tree as it was written, how often it was changed, and when it was last asked of everybody."""

    __tablename__ = "segment_rules"

    key: Mapped[str] = mapped_column(KEY, primary_key=True)
    name: Mapped[str]
    tree: Mapped[dict[str, Any]] = mapped_column(Document)
    revision: Mapped[int]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    evaluated_at: Mapped[datetime | None]
