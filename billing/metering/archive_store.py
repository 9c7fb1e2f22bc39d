"""The queries behind archives: which files hold events, which months could be archived, and the step from the table to a file and back.

A step is one transaction: the file's row comes and the events' rows go, so that every snapshot of the database sees each event once. This
is why rows are deleted, where dropping a partition would be quicker: it would take them from snapshots that still count on them.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, func, insert, select

from billing.db.bulk import add_all, lock_shared
from billing.metering.archive import ArchiveChangedError, ArchiveFile, Record
from billing.metering.month import month_of, name_of, next_month, span_of
from billing.metering.tables import EventArchiveRow, EventKeyRow, EventRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from billing.metering.archive import Contents
    from billing.metering.archived import Archived

USAGE_LOCK = "usage_rollups"
_SEEN = "uptier.archives"
_FIELDS = tuple(field.name for field in fields(ArchiveFile))
_CHUNK = 20_000
T = TypeVar("T")


class ArchiveStore:
    """Reads and writes what is known of one tenant's archived events."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def files(self) -> tuple[ArchiveFile, ...]:
        """Every file, by month and part. A view, which sees one instant, looks once."""
        known: tuple[ArchiveFile, ...] | None = self._session.info.get(_SEEN) if self._session.read_only else None
        if known is None:
            rows = self._session.execute(
                select(*(getattr(EventArchiveRow, name) for name in _FIELDS)).order_by(
                    EventArchiveRow.month, EventArchiveRow.part
                )
            )
            known = tuple(ArchiveFile(**dict(zip(_FIELDS, row, strict=True))) for row in rows)
            if self._session.read_only:
                self._session.info[_SEEN] = known
        return known

    def settled(self, look: Callable[[], T]) -> tuple[T, tuple[ArchiveFile, ...]]:
        """What a look at the table found, and the files there were meanwhile; looks again if a month went into a file or came back."""
        files = self.files()
        while True:
            found = look()
            if self._session.read_only or self._session.get_bind().dialect.name == "sqlite":
                return found, files  # sees one instant
            now = self.files()
            if now == files:
                return found, files
            files = now

    def months(self, before: datetime) -> Iterator[datetime]:
        """The months that begin before an instant and have events in the table, oldest first."""
        first = self._session.scalar(select(func.min(EventRow.at)).where(EventRow.at < before))
        while first is not None:
            month = month_of(first)
            yield month
            later = EventRow.at >= next_month(month), EventRow.at < before
            first = self._session.scalar(select(func.min(EventRow.at)).where(*later))

    def count(self, month: datetime) -> int:
        """How many events of a month are in the table."""
        return self._session.scalar(select(func.count()).select_from(EventRow).where(*_in(month))) or 0

    def records(self, month: datetime) -> Iterator[Record]:
        """The events of a month that are in the table, as a file has them."""
        query = select(*(getattr(EventRow, name) for name in Record._fields)).where(*_in(month))
        query = query.order_by(EventRow.customer_id, EventRow.type, EventRow.at)
        for row in self._session.execute(query.execution_options(yield_per=_CHUNK)):
            yield Record(*row)

    def put_away(self, archive: ArchiveFile, contents: Contents) -> None:
        """Let the file stand for the month's events and remove their rows; an error, and no change, if they are not what the file holds.

        An event is never changed but by an amendment, which moves it from one of the three counts to another.
        """
        lock_shared(self._session, USAGE_LOCK)
        month = _in(archive.month)
        counting = self._remove(*month, EventRow.archived_at.is_(None))
        retracted = self._remove(*month, EventRow.archived_at.is_not(None), EventRow.amended_by.is_(None))
        replaced = self._remove(*month, EventRow.amended_by.is_not(None))
        if (counting, retracted, replaced) != (contents.counting, contents.retracted, contents.replaced):
            raise ArchiveChangedError(
                f"events of {name_of(archive.month)} came or changed while they were archived; try again",
                month=name_of(archive.month),
            )
        self._session.execute(insert(EventArchiveRow), [{name: getattr(archive, name) for name in _FIELDS}])

    def _remove(self, *conditions: Any) -> int:
        done: Any = self._session.execute(
            delete(EventRow).where(*conditions).execution_options(synchronize_session=False)
        )
        return int(done.rowcount)

    def bring_back(self, archive: ArchiveFile, records: Iterable[Sequence[Record]]) -> int:
        """Put a file's events back into the table and forget the file; how many. 0 when another has done so."""
        lock_shared(self._session, USAGE_LOCK)
        forget = delete(EventArchiveRow).where(
            EventArchiveRow.month == archive.month,
            EventArchiveRow.part == archive.part,
            EventArchiveRow.sha256 == archive.sha256,
        )
        done: Any = self._session.execute(forget.execution_options(synchronize_session=False))
        if not done.rowcount:
            return 0
        for chunk in records:
            add_all(self._session, EventRow, Record._fields, chunk)
        return archive.rows

    def counts(self) -> tuple[int, int]:
        """How many identities are taken, and how many events there are for them in the table and in files."""
        keys = self._session.scalar(select(func.count()).select_from(EventKeyRow)) or 0
        rows = self._session.scalar(select(func.count()).select_from(EventRow)) or 0
        return keys, rows + sum(archive.rows for archive in self.files())


def beside(unit: Unit, files: Sequence[ArchiveFile]) -> Archived | None:
    """What reads these files; None where there are none."""
    if not files:
        return None
    from billing.metering.archived import Archived  # noqa: PLC0415 (it brings Arrow, which most shops need not load)

    return Archived(unit.scope.tenant_id, files)


def _in(month: datetime) -> tuple[Any, Any]:
    span = span_of(month)
    return EventRow.at >= span.start, EventRow.at < span.end
