"""The queries over usage events."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from billing.catalog.item import Aggregation
from billing.db.upsert import insert_new
from billing.metering.aggregate import Reading, quantity
from billing.metering.tables import EventRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from billing.catalog.item import Meter
    from billing.db.session import Unit
    from billing.kernel.period import Period
    from billing.metering.event import UsageEvent


class EventStore:
    """Reads and writes the usage events of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def insert(
        self, events: Sequence[UsageEvent], customer_ids: dict[str, str], received_at: datetime | None
    ) -> set[tuple[str, str]]:
        """Store events and tell the (source, id) of those that were new, decided by the primary key itself.

        Without `received_at` each event was known when it happened (history being imported).
        """
        rows = [
            {
                "source": event.source,
                "event_id": event.id,
                "type": event.type,
                "customer_id": customer_ids[event.customer],
                "at": event.at,
                "received_at": received_at or event.at,
                "data": event.data,
            }
            for event in events
        ]
        inserted = insert_new(self._session, EventRow, rows, (EventRow.source, EventRow.event_id))
        return {(source, event_id) for source, event_id in inserted}

    def quantity(self, customer_id: str, meter: Meter, period: Period) -> Decimal:
        """One customer's quantity on a meter over a period; counted by the database where counting is all there is to do."""
        if meter.aggregation is not Aggregation.COUNT:
            return quantity(meter, self.readings(customer_id, meter, period))
        counted = (
            select(func.count())
            .select_from(EventRow)
            .where(EventRow.customer_id == customer_id, EventRow.type == meter.event_type)
            .where(EventRow.at >= period.start, EventRow.at < period.end)
        )
        return Decimal(self._session.scalar(counted) or 0)

    def readings(self, customer_id: str, meter: Meter, period: Period) -> list[Reading]:
        """What a meter sees of one customer's events in a period, by event time."""
        rows = self._session.execute(
            select(EventRow.at, EventRow.source, EventRow.event_id, EventRow.data)
            .where(EventRow.customer_id == customer_id, EventRow.type == meter.event_type)
            .where(EventRow.at >= period.start, EventRow.at < period.end)
        )
        return [Reading(at, (source, event_id), data.get(meter.prop or "")) for at, source, event_id, data in rows]

    def counts(self, event_type: str, period: Period) -> dict[str, int]:
        """How many events of a type each customer had in a period; those without any are left out."""
        query = select(EventRow.customer_id, func.count()).where(EventRow.type == event_type)
        query = query.where(EventRow.at >= period.start, EventRow.at < period.end).group_by(EventRow.customer_id)
        return {str(customer_id): int(count) for customer_id, count in self._session.execute(query)}

    def rows_before(self, moment: datetime, customer_id: str | None = None) -> Iterator[tuple[Any, ...]]:
        """(customer id, type, at, received at, data, source, id) of events before `moment`, of one customer or all, oldest first."""
        query = (
            select(
                EventRow.customer_id,
                EventRow.type,
                EventRow.at,
                EventRow.received_at,
                EventRow.data,
                EventRow.source,
                EventRow.event_id,
            )
            .where(EventRow.at < moment)
            .order_by(EventRow.at, EventRow.source, EventRow.event_id)
        )
        if customer_id is not None:
            query = query.where(EventRow.customer_id == customer_id)
        for row in self._session.execute(query.execution_options(yield_per=10_000)):
            yield tuple(row)
