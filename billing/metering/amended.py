"""A stored event with its place in a chain of amendments: what it replaces, what replaced it, and since when it counts no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as it is kept. `first_id` is the event its chain began with; `archived_at` is set once it counts no more."""

    source: str
    id: str
    type: str
    customer_id: str
    at: datetime
    received_at: datetime
    data: Mapping[str, Any]
    amends: str | None = None
    first_id: str | None = None
    amended_by: str | None = None
    archived_at: datetime | None = None
