"""The queries that list events: those behind an invoice line, as they were known when it was rated."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, String, cast, literal, or_, select, tuple_

from billing.kernel.clock import format_instant, parse_instant
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.metering.archive_store import ArchiveStore, beside
from billing.metering.reading import passes
from billing.metering.store import by_time, stored_event
from billing.metering.tables import EventRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Select

    from billing.catalog.item import Meter
    from billing.db.session import Unit
    from billing.kernel.period import Period
    from billing.metering.amended import StoredEvent

_BATCH = 1_000
_SEPARATOR = "\x1f"


class EventListing:
    """Lists the usage events of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._session = unit.session

    def counted(self, event_type: str, field: str, *, by_member: bool) -> Select[Any]:
        """A part of a query for other stores: each event of a type that counts and lies in the table, not in an archive.

        `customer_id`, `at`, `events` (1); if asked the `text` of a `field` of its data and its `member`.
        """
        row = EventRow
        columns: list[Any] = [
            row.customer_id.label("customer_id"),
            row.at.label("at"),
            literal(1, BigInteger).label("events"),
        ]
        if field:
            columns.append(cast(row.data[field].as_string(), String).label("text"))
        if by_member:
            columns.append(cast(row.data["member"].as_string(), String).label("member"))
        return select(*columns).where(row.type == event_type, row.archived_at.is_(None))

    def behind(
        self,
        meter: Meter,
        customer_id: str,
        period: Period,
        *,
        known_by: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[StoredEvent]:
        """What a meter read of one customer's events dated in a period as it was known at an instant, oldest first."""
        found: list[StoredEvent] = []
        for event in self._known(meter.event_type, customer_id, period, known_by, cursor):
            if passes(meter, event.data):
                found.append(event)
            if len(found) > limit:
                return Page(tuple(found[:limit]), _cursor(found[limit - 1]))
        return Page(tuple(found), None)

    def _known(
        self, event_type: str, customer_id: str, period: Period, known_by: datetime, cursor: str | None
    ) -> Iterator[StoredEvent]:
        files = ArchiveStore(self._unit).files()
        in_table = self._in_table(event_type, customer_id, period, known_by, cursor)
        archived = beside(self._unit, files)
        if archived is None:
            return in_table
        after = None if cursor is None else _place_after(cursor)
        found = (record.event() for record in archived.behind(customer_id, event_type, period, known_by))
        return heapq.merge((event for event in found if after is None or _place(event) > after), in_table, key=_place)

    def _in_table(
        self, event_type: str, customer_id: str, period: Period, known_by: datetime, cursor: str | None
    ) -> Iterator[StoredEvent]:
        query = (
            select(EventRow)
            .where(EventRow.customer_id == customer_id, EventRow.type == event_type)
            .where(EventRow.at >= period.start, EventRow.at < period.end, EventRow.received_at <= known_by)
            .where(or_(EventRow.archived_at.is_(None), EventRow.archived_at > known_by))
            .order_by(*by_time(self._session))
            .limit(_BATCH)
        )
        while True:
            batch = self._batch(query, cursor)
            yield from batch
            if len(batch) < _BATCH:
                return
            cursor = _cursor(batch[-1])

    def _batch(self, query: Select[EventRow], cursor: str | None) -> list[StoredEvent]:
        if cursor is not None:
            query = query.where(tuple_(*by_time(self._session)) > _place_after(cursor))
        return [stored_event(row) for row in self._session.scalars(query)]


def _place(event: StoredEvent) -> tuple[datetime, str, str]:
    return event.at, event.source, event.id


def _place_after(cursor: str) -> tuple[datetime, str, str]:
    at, source, event_id = [*decode_cursor(cursor).split(_SEPARATOR), "", ""][:3]
    return parse_instant(at), source, event_id


def _cursor(event: StoredEvent) -> str:
    return encode_cursor(_SEPARATOR.join((format_instant(event.at), event.source, event.id)))
