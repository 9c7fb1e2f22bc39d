"""A signal as it is kept: what raised it, what it is about, how long it counts, and when the same may be raised again. Pure.

`once_key` makes a crossing one: whichever path sees it, and however often, it is raised once a customer and trigger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignal:
    """What a trigger found. `strength` is a number from 0 to 1, `evidence` what people are shown of why.

    It counts until `expires_at` (excluded). The same trigger and subject stay silent until `rearms_at`; with None until somebody has
    seen that what raised it has ceased (hysteresis).
    """

    customer_id: str
    trigger: str
    once_key: str
    subject: str | None
    strength: float
    at: datetime
    expires_at: datetime
    rearms_at: datetime | None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A signal that was kept, and the decision that answered it, if one did."""

    id: str
    trigger: str
    once_key: str
    subject: str | None
    member: str | None
    strength: float
    at: datetime
    raised_at: datetime
    expires_at: datetime
    rearms_at: datetime | None
    evidence: Mapping[str, Any]
    answered_at: datetime | None = None
    answered_by: str | None = None

    def counts(self, now: datetime) -> bool:
        """Whether an offer may still answer it."""
        return self.answered_at is None and now < self.expires_at

    def silences(self, now: datetime) -> bool:
        """Whether its trigger stays silent about the same subject."""
        return self.rearms_at is None or now < self.rearms_at
