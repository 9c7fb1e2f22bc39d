"""Correcting usage: an amendment is an event that takes the place of another; the other stays for the record and counts no more.

It keeps what it does not say of the event it replaces: type, customer and time. Without data it is a retraction: nothing counts in its
place. Sent again, it is a duplicate. An amendment may itself be amended; an event has one amendment at most. What lies in a month's
archive is brought back before it is amended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.customers.store import CustomerStore
from billing.db.changes import changed
from billing.kernel.clock import format_instant
from billing.kernel.errors import ConflictError, NotFoundError
from billing.metering.amended import StoredEvent
from billing.metering.archive import EventArchivedError
from billing.metering.event import BadEventError, read_event
from billing.metering.month import month_of, name_of
from billing.metering.rollup_store import RollupStore
from billing.metering.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.db.session import Unit


class EventNotFoundError(NotFoundError):
    """No such event of this tenant."""

    code = "event_not_found"


class AlreadyAmendedError(ConflictError):
    """Another amendment has replaced the event; amend that one."""

    code = "already_amended"


class IdTakenError(ConflictError):
    """The amendment's identity belongs to another event."""

    code = "event_id_taken"


@dataclass(frozen=True, slots=True)
class Amended:
    """What came of an amendment: the event as it is kept, and whether it was known already."""

    event: StoredEvent
    is_duplicate: bool


def amend(unit: Unit, source: str, event_id: str, document: Mapping[str, Any], *, now: datetime) -> Amended:
    """Replace the event (`source`, `event_id`) by what the document says: an `id` of its own, and what differs."""
    store = EventStore(unit)
    original = store.find(source, event_id)
    if original is None:
        raise EventNotFoundError(f"there is no event {event_id[:60]!r} of source {source[:60]!r}")
    replacing = _replacing(unit, original, document, now)
    if not store.add_amendment(replacing):
        known = store.find(source, replacing.id)
        if known is None or known.amends != event_id:
            raise IdTakenError(f"an event {replacing.id[:60]!r} of this source exists already", id=replacing.id)
        return Amended(known, is_duplicate=True)
    if not store.archive(original, amended_by=replacing.id, at=now):
        raise _refusal(store.find(source, event_id) or original)
    touched = [(event.type, event.customer_id, event.at) for event in (original, replacing)]
    RollupStore(unit).recompute(touched)
    changed(unit.session, {event.customer_id for event in (original, replacing)})
    return Amended(replacing, is_duplicate=False)


def _refusal(event: StoredEvent) -> ConflictError:
    """Why an event cannot be amended: another amendment came first, or it lies in a file."""
    if event.amended_by is not None:
        return AlreadyAmendedError(
            f"event {event.id[:60]!r} is amended already; amend the event that replaced it", amended_by=event.amended_by
        )
    month = name_of(month_of(event.at))
    return EventArchivedError(
        f"event {event.id[:60]!r} lies in the archive of {month}; 'uptier db restore --month {month}' brings it back, then amend it",
        month=month,
    )


def _replacing(unit: Unit, original: StoredEvent, document: Mapping[str, Any], now: datetime) -> StoredEvent:
    moved = document.get("customer")
    read = read_event(
        {
            "id": document.get("id"),
            "source": original.source,
            "type": document.get("type") or original.type,
            "customer": moved or original.customer_id,
            "time": document.get("time") or format_instant(original.at),
            "data": document.get("data"),
        },
        received_at=max(now, original.at),
    )
    if read.id == original.id:
        raise BadEventError(
            "an amendment has an 'id' of its own, so that it can be told from the event it replaces", field="id"
        )
    return StoredEvent(
        source=read.source,
        id=read.id,
        type=read.type,
        customer_id=original.customer_id if not moved else CustomerStore(unit).get(read.customer).id,
        at=read.at,
        received_at=now,
        data=read.data,
        amends=original.id,
        first_id=original.first_id or original.id,
        archived_at=now if document.get("data") is None else None,
    )
