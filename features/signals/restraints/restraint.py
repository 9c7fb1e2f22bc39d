"""A restraint on offers: begun and ended by events that may come late, twice or in the wrong order. Pure.

What is kept are the latest beginning and the latest end, so that the order in which they become known does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

TICKET_OPEN: Final = "ticket_open"
CANCELLING: Final = "cancelling"
PAYMENT_FAILED: Final = "payment_failed"
INCIDENT: Final = "incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A restraint of a kind began or ended at `at`; `reference` tells one ticket from another. It lapses at `lapses_at` at the latest."""

    customer_id: str
    kind: str
    reference: str
    at: datetime
    begins: bool
    lapses_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldBack:
    """Why no promotion is shown, since when, and until when at the latest (None: until what it is ceases)."""

    kind: str
    since: datetime
    until: datetime | None = None
    reference: str = ""


def is_held(began_at: datetime, ended_at: datetime | None, lapses_at: datetime | None, now: datetime) -> bool:
    """Whether a restraint holds: it has begun, did not end at its beginning or after, and has not lapsed."""
    if now < began_at or (lapses_at is not None and lapses_at <= now):
        return False
    return ended_at is None or ended_at < began_at
