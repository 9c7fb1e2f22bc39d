"""Reading usage out of archives, beside what the table holds: the same questions, answered from the files that may have a say.

It brings Arrow with it, so it is imported where there is a file to read (`archive_store.beside`).
"""

from __future__ import annotations

from collections import Counter
from functools import reduce
from itertools import groupby
from operator import or_
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from billing.kernel.period import Period
from billing.metering import archive_file
from billing.metering.aggregations.registry import CARRIED
from billing.metering.archive import ArchiveUnreadableError
from billing.metering.month import span_of
from billing.metering.reading import Reading, passes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.item import Meter
    from billing.metering.archive import ArchiveFile, Record

_ROWS_AT_ONCE = 1_000_000
_READING = ("customer_id", "at", "source", "first_id", "event_id", "data")
_HISTORY = ("customer_id", "type", "at", "received_at", "data", "source", "event_id")


class Archived:
    """The archived events of one tenant."""

    def __init__(self, tenant_id: str, files: Sequence[ArchiveFile]) -> None:
        self._tenant_id = tenant_id
        self._files = files

    def readings(self, meter: Meter, spans: Iterable[tuple[str, Period]]) -> Iterator[tuple[str, Reading]]:
        """What a meter sees of customers' events in their spans, each with its customer; for a carried level those before too."""
        carried = meter.aggregation in CARRIED
        by_span: dict[Period, set[str]] = {}
        for customer, span in spans:
            by_span.setdefault(span, set()).add(customer)
        for archive in self._files:
            near = [
                _of(who) & (_before(span.end) if carried else _inside(span))
                for span, who in by_span.items()
                if archive.overlaps(None if carried else span.start, span.end)
            ]
            if not near:
                continue
            condition = (pc.field("type") == meter.event_type) & _counts() & reduce(or_, near)
            for customer, at, source, first_id, event_id, data in self._columns(archive, _READING, condition):
                if passes(meter, data):
                    yield customer, Reading(at, (source, first_id or event_id), data.get(meter.prop or ""), data)

    def tail(
        self, event_type: str, customers: Sequence[str] | None = None, span: Period | None = None
    ) -> Iterator[tuple[str, str, datetime, Mapping[str, Any]]]:
        """(type, customer id, at, data) of the events of a type that count, of some customers or all, of a span or ever."""
        condition = (pc.field("type") == event_type) & _counts()
        if customers is not None:
            condition &= _of(customers)
        if span is not None:
            condition &= _inside(span)
        for archive in self._near(span):
            yield from self._columns(archive, ("type", "customer_id", "at", "data"), condition)

    def counts(self, event_type: str, span: Period) -> Counter[str]:
        """How many events of a type each customer had in a span."""
        condition = (pc.field("type") == event_type) & _counts() & _inside(span)
        found: Counter[str] = Counter()
        for archive in self._near(span):
            found.update(customer for (customer,) in self._columns(archive, ("customer_id",), condition))
        return found

    def event(self, at: datetime, source: str, event_id: str) -> Record | None:
        """One event by its identity and time."""
        for archive in self._files:
            if archive.first_at <= at <= archive.last_at:
                condition = (
                    (pc.field("at") == _instant(at))
                    & (pc.field("source") == source)
                    & (pc.field("event_id") == event_id)
                )
                for record in archive_file.read(archive, self._tenant_id, condition):
                    return record
        return None

    def known_since(
        self, since: datetime, customers: Sequence[str] | None, start: datetime | None, before: datetime | None
    ) -> dict[str, tuple[datetime, datetime]]:
        """By customer, the earliest and latest instant of events that came or ceased to count at `since` or after."""
        condition = (pc.field("received_at") >= _instant(since)) | (pc.field("archived_at") >= _instant(since))
        if customers is not None:
            condition &= _of(customers)
        if start is not None:
            condition &= pc.field("at") >= _instant(start)
        if before is not None:
            condition &= _before(before)
        found: dict[str, tuple[datetime, datetime]] = {}
        for archive in self._files:
            if archive.overlaps(start, before):
                for customer, at in self._columns(archive, ("customer_id", "at"), condition):
                    first, last = found.get(customer, (at, at))
                    found[customer] = min(first, at), max(last, at)
        return found

    def behind(self, customer: str, event_type: str, span: Period, known_by: datetime) -> list[Record]:
        """The events of a customer and a type in a span that counted at an instant, ordered by (at, source, event id)."""
        condition = _of([customer]) & (pc.field("type") == event_type) & _inside(span)
        condition &= pc.field("received_at") <= _instant(known_by)
        condition &= pc.field("archived_at").is_null() | (pc.field("archived_at") > _instant(known_by))
        found = [
            record for archive in self._near(span) for record in archive_file.read(archive, self._tenant_id, condition)
        ]
        return sorted(found, key=lambda record: (record.at, record.source, record.event_id))

    def history(self, moment: datetime, customer: str | None = None) -> Iterator[tuple[Any, ...]]:
        """(customer id, type, at, received at, data, source, id) of the events before `moment` that count, by (at, source, id)."""
        for month, group in groupby(self._files, key=lambda archive: archive.month):
            archives = [archive for archive in group if archive.first_at < moment]
            for start, end in _slices(span_of(month), sum(archive.rows for archive in archives)):
                if start >= moment:
                    break
                condition = _counts() & _inside(Period(start, min(end, moment)))
                if customer is not None:
                    condition &= _of([customer])
                yield from archive_file.in_order(archives, self._tenant_id, _HISTORY, condition)

    def unreadable(self) -> Iterator[ArchiveUnreadableError]:
        """What is wrong with files that are not what was written."""
        for archive in self._files:
            try:
                archive_file.check(archive, self._tenant_id)
            except ArchiveUnreadableError as error:
                yield error

    def _near(self, span: Period | None) -> Iterator[ArchiveFile]:
        return (archive for archive in self._files if span is None or archive.overlaps(span.start, span.end))

    def _columns(self, archive: ArchiveFile, names: Sequence[str], condition: Any) -> Iterator[tuple[Any, ...]]:
        found: Iterator[tuple[Any, ...]] = archive_file.columns(archive, self._tenant_id, names, condition)
        return found


def _slices(span: Period, rows: int) -> Iterator[tuple[datetime, datetime]]:
    """Parts of a month of about as many rows as are ordered at once."""
    parts = 1 + rows // _ROWS_AT_ONCE
    edges = [span.start + (span.end - span.start) * part / parts for part in range(parts)]
    yield from zip(edges, [*edges[1:], span.end], strict=True)


def _instant(moment: datetime) -> Any:
    return pa.scalar(moment, pa.timestamp("us", tz="UTC"))


def _of(customers: Iterable[str]) -> Any:
    return pc.field("customer_id").isin(sorted(customers))


def _inside(span: Period) -> Any:
    return (pc.field("at") >= _instant(span.start)) & _before(span.end)


def _before(end: datetime) -> Any:
    return pc.field("at") < _instant(end)


def _counts() -> Any:
    return pc.field("archived_at").is_null()
