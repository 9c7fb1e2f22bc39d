"""The queries that list events: those behind an invoice line, as they were known when it was rated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, tuple_

from billing.kernel.clock import format_instant, parse_instant
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.metering.reading import passes
from billing.metering.store import stored_event
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
        self._session = unit.session

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
        place = (EventRow.at, EventRow.source, EventRow.event_id)
        query = (
            select(EventRow)
            .where(EventRow.customer_id == customer_id, EventRow.type == event_type)
            .where(EventRow.at >= period.start, EventRow.at < period.end, EventRow.received_at <= known_by)
            .where(or_(EventRow.archived_at.is_(None), EventRow.archived_at > known_by))
            .order_by(*place)
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
            at, source, event_id = [*decode_cursor(cursor).split(_SEPARATOR), "", ""][:3]
            place = tuple_(EventRow.at, EventRow.source, EventRow.event_id)
            query = query.where(place > (parse_instant(at), source, event_id))
        return [stored_event(row) for row in self._session.scalars(query)]


def _cursor(event: StoredEvent) -> str:
    return encode_cursor(_SEPARATOR.join((format_instant(event.at), event.source, event.id)))
