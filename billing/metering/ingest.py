"""Taking usage in: every event of a batch is accepted, a duplicate, or rejected with its index and reason; one never spoils the rest.

The answer is given after the commit, so an acknowledged event survives a crash. The unique key is the row's own primary key, written in
the same transaction: no cache decides what is a duplicate, and the memory of it never expires.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.customers.store import CustomerStore
from billing.db.changes import changed
from billing.kernel.errors import Kind, UptierError
from billing.kernel.storable import is_storable
from billing.metering.event import MAX_TEXT, BadEventError, read_event, read_quickly
from billing.metering.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from billing.metering.event import UsageEvent
    from billing.metering.store import EventRecord, Stored

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


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that were read and wait to be stored, each with its index in what was sent, and what could not be read."""

    events: Sequence[tuple[int, UsageEvent]]
    rejected: Sequence[Rejection]
    received_at: datetime | None

    def __len__(self) -> int:
        return len(self.events)


def ingest(unit: Unit, documents: Sequence[object], *, now: datetime, is_history: bool = False) -> Receipt:
    """Take a batch of event documents. History (an import) counts as known when it happened, live events when they arrive."""
    (receipt,) = store_batches(unit, [read_batch(documents, now=now, is_history=is_history)])
    return receipt


def read_batch(documents: Sequence[object], *, now: datetime, is_history: bool = False) -> Batch:
    """The events of a batch; pure, so that it can be done before a transaction begins."""
    if len(documents) > MAX_BATCH:
        raise BatchTooLargeError(f"send at most {MAX_BATCH} events in one call", limit=MAX_BATCH, sent=len(documents))
    events, rejected, texts = [], [], set[str]()
    for index, document in enumerate(documents):
        try:
            event = read_quickly(document, received_at=now, texts=texts) or read_event(document, received_at=now)
        except BadEventError as error:
            identity = document.get("id") if isinstance(document, dict) else None
            shown = identity[:MAX_TEXT] if isinstance(identity, str) and is_storable(identity) else None
            rejected.append(Rejection(index, shown, error.code, error.detail))
        else:
            events.append((index, event))
    return Batch(events, rejected, None if is_history else now)


def store_batches(unit: Unit, batches: Sequence[Batch]) -> list[Receipt]:
    """Store batches of several callers together: each is told what became of its own events, as if it had come alone in this order."""
    ids = CustomerStore(unit).ids_by_key({event.customer for batch in batches for _, event in batch.events})
    records: dict[tuple[str, str], EventRecord] = {}
    firsts: list[list[tuple[int, UsageEvent]]] = []
    for batch in batches:
        first = []
        for index, event in batch.events:
            customer, key = ids.get(event.customer), (event.source, event.id)
            if customer is not None and key not in records:
                received_at = batch.received_at or event.at
                records[key] = (event.source, event.id, event.type, customer, event.at, received_at, event.data)
                first.append((index, event))
        firsts.append(first)
    stored = EventStore(unit).add(list(records.values()))
    changed(unit.session, {record[3] for record in records.values()})
    return [_receipt(batch, first, stored, ids) for batch, first in zip(batches, firsts, strict=True)]


def _receipt(batch: Batch, first: list[tuple[int, UsageEvent]], stored: Stored, ids: dict[str, str]) -> Receipt:
    fresh, types = stored.fresh, stored.types
    if fresh is not None:
        first = [(index, event) for index, event in first if (event.source, event.id) in fresh]
    strangers = [
        Rejection(
            index,
            event.id,
            "customer_not_found",
            f"there is no customer {event.customer[:60]!r}; create it, then send the event again",
        )
        for index, event in batch.events
        if event.customer not in ids
    ]
    return Receipt(
        accepted=len(first),
        duplicates=len(batch.events) - len(strangers) - len(first),
        rejected=sorted([*batch.rejected, *strangers], key=lambda rejection: rejection.index),
        unmatched=[
            {"index": index, "id": event.id, "type": event.type} for index, event in first if event.type not in types
        ],
    )
