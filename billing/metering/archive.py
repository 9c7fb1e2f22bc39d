"""Months of events that lie in files in place of the table: what a file is known by, what it must hold, and what can go wrong. Pure.

An event that an amendment has replaced is "archived" too, but by itself and in its place: its `archived_at` says since when it counts no
more. It goes into its month's file with the others and comes back with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.db.documents import dump
from billing.kernel.errors import ConflictError, Kind, UptierError
from billing.metering.amended import StoredEvent
from billing.metering.month import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class ArchiveUnreadableError(UptierError):
    """A file that holds events is missing, damaged, or another's. Usage of its month is not answered, rather than answered too low."""

    code = "archive_unreadable"
    kind = Kind.UNAVAILABLE

    def __init__(self, archive: ArchiveFile, why: str) -> None:
        month = name_of(archive.month)
        super().__init__(
            f"the archived events of {month} cannot be read: {archive.path} {why}; put the file back as it was",
            month=month,
            path=archive.path,
        )


class EventArchivedError(ConflictError):
    """An event in a file cannot be changed there."""

    code = "event_archived"


class ArchiveChangedError(ConflictError):
    """The events of a month changed while their file was written; nothing was removed, and it can be tried again."""

    code = "archive_changed"


class Record(NamedTuple):
    """An event as the table and the file hold it; a file is ordered by the first of these."""

    customer_id: str
    type: str
    at: datetime
    source: str
    event_id: str
    received_at: datetime
    data: Mapping[str, Any]
    amends: str | None
    first_id: str | None
    amended_by: str | None
    archived_at: datetime | None

    @property
    def known_at(self) -> datetime:
        """When the event last came or ceased to count."""
        return self.received_at if self.archived_at is None else max(self.received_at, self.archived_at)

    def event(self) -> StoredEvent:
        """The event it is."""
        return StoredEvent(
            source=self.source,
            id=self.event_id,
            type=self.type,
            customer_id=self.customer_id,
            at=self.at,
            received_at=self.received_at,
            data=self.data,
            amends=self.amends,
            first_id=self.first_id,
            amended_by=self.amended_by,
            archived_at=self.archived_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """A file of one tenant's events of one month; `part` counts the files of that month, since late events make another."""

    month: datetime
    part: int
    path: str
    sha256: str
    bytes: int
    rows: int
    first_at: datetime
    last_at: datetime
    known_until: datetime
    archived_at: datetime

    def overlaps(self, start: datetime | None, end: datetime | None) -> bool:
        """Whether it holds an event that may lie from `start` on and before `end`."""
        return (start is None or self.last_at >= start) and (end is None or self.first_at < end)


@dataclass(slots=True)
class Contents:
    """What some events come to, whatever their order: counted when they are written, and again when they are read back.

    `counting` are those that count, `retracted` those that count no more and were replaced by none, `replaced` the others.
    """

    rows: int = 0
    counting: int = 0
    retracted: int = 0
    replaced: int = 0
    digest: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    known_until: datetime | None = None

    def add(self, record: Record) -> None:
        """Take an event in."""
        self.rows += 1
        if record.amended_by is not None:
            self.replaced += 1
        elif record.archived_at is not None:
            self.retracted += 1
        else:
            self.counting += 1
        text = repr((*record[:6], dump(record.data), *record[7:])).encode("utf-8", "surrogatepass")
        self.digest = (self.digest + int.from_bytes(blake2b(text, digest_size=16).digest())) % 2**128
        self.first_at = record.at if self.first_at is None else min(self.first_at, record.at)
        self.last_at = record.at if self.last_at is None else max(self.last_at, record.at)
        self.known_until = record.known_at if self.known_until is None else max(self.known_until, record.known_at)
