"""Rows of a tenant's settings of signals, of its incident, and of how far its events were looked through."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import KEY, TenantRow
from billing.db.columns import Document


class SignalSettingsRow(TenantRow):
    """The one row of a tenant: its settings, and an incident from `incident_since` to `incident_until` (None: till it is ended)."""

    __tablename__ = "signal_settings"

    document: Mapped[dict[str, Any]] = mapped_column(Document)
    incident_since: Mapped[datetime | None]
    incident_until: Mapped[datetime | None]
    incident_note: Mapped[str]
    changed_at: Mapped[datetime]


class SignalLookRow(TenantRow):
    """How far a look has come: through events that were received by `until`, or scores as of then."""

    __tablename__ = "signal_looks"

    name: Mapped[str] = mapped_column(KEY, primary_key=True)
    until: Mapped[datetime]
