"""Taking usage in: every event of a batch is accepted, a duplicate, or rejected with its index and reason; one never spoils the rest.

The answer is given after the commit, so an acknowledged event survives a crash. The unique key is the row's own primary key, written in
the same transaction: no cache decides what is a duplicate, and the memory of it never expires.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.errors import Kind, UptierError
from billing.kernel.storable import is_storable
from billing.metering.event import MAX_TEXT, BadEventError, UsageEvent, read_event
from billing.metering.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit

MAX_BATCH = 10_000


class BatchTooLargeError(UptierError):
    """More events in one call than are taken at once."""

    code = "batch_too_large"
    kind = Kind.TOO_LARGE


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one event of a batch was not taken."""

    index: int
    id: str | None
    code: str
    detail: str


@dataclass(slots=True)
class Receipt:
    """What became of each event of a batch; `unmatched` lists accepted events that no meter reads, by index."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    unmatched: list[dict[str, Any]] = field(default_factory=list)


def ingest(unit: Unit, documents: Sequence[object], *, now: datetime, is_history: bool = False) -> Receipt:
    """Take a batch of event documents. History (an import) counts as known when it happened, live events when they arrive."""
    if len(documents) > MAX_BATCH:
        raise BatchTooLargeError(f"send at most {MAX_BATCH} events in one call", limit=MAX_BATCH, sent=len(documents))
    receipt = Receipt()
    events = _read_all(documents, now, receipt)
    ids = CustomerStore(unit).ids_by_key(event.customer for _, event in events)
    known = _known_customers(events, ids, receipt)
    first = _first_of_each(known)
    stored = EventStore(unit).insert([event for _, event in first], ids, None if is_history else now)
    fresh = [(index, event) for index, event in first if (event.source, event.id) in stored]
    types = {meter.event_type for meter in CatalogStore(unit).meters().values()}
    receipt.accepted = len(fresh)
    receipt.duplicates = len(known) - len(fresh)
    receipt.unmatched = [
        {"index": index, "id": event.id, "type": event.type} for index, event in fresh if event.type not in types
    ]
    receipt.rejected.sort(key=lambda rejection: rejection.index)
    return receipt


def _read_all(documents: Sequence[object], now: datetime, receipt: Receipt) -> list[tuple[int, UsageEvent]]:
    events = []
    for index, document in enumerate(documents):
        try:
            events.append((index, read_event(document, received_at=now)))
        except BadEventError as error:
            identity = document.get("id") if isinstance(document, dict) else None
            shown = identity[:MAX_TEXT] if isinstance(identity, str) and is_storable(identity) else None
            receipt.rejected.append(Rejection(index, shown, error.code, error.detail))
    return events


def _known_customers(
    events: list[tuple[int, UsageEvent]], ids: dict[str, str], receipt: Receipt
) -> list[tuple[int, UsageEvent]]:
    known = []
    for index, event in events:
        if event.customer in ids:
            known.append((index, event))
        else:
            detail = f"there is no customer {event.customer[:60]!r}; create it, then send the event again"
            receipt.rejected.append(Rejection(index, event.id, "customer_not_found", detail))
    return known


def _first_of_each(events: list[tuple[int, UsageEvent]]) -> list[tuple[int, UsageEvent]]:
    seen: dict[tuple[str, str], tuple[int, UsageEvent]] = {}
    for index, event in events:
        seen.setdefault((event.source, event.id), (index, event))
    return list(seen.values())
