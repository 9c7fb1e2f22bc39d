"""The queries over events by when they became known, and over how many a customer sent in the weeks before: what looks for signals reads.

Events that were put away in files are months old and say nothing of what a customer is about to do; they are not read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, case, func, or_, select

from billing.metering.tables import EventRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from billing.db.session import Unit

WEEK = timedelta(days=7)
OLDEST = timedelta(days=45)
"""An event dated longer before it became known says nothing of now; with it only some months' partitions are looked at."""
_BATCH = 500


class Received(NamedTuple):
    """An event with when it became known; sorts by that."""

    received_at: datetime
    source: str
    id: str
    type: str
    customer_id: str
    at: datetime
    data: Mapping[str, Any]


class ReceivedStore:
    """Reads the events of one tenant by when they became known."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def events(self, types: Collection[str], since: datetime, *, after: Received | None, limit: int) -> list[Received]:
        """Events of some types that became known at `since` or later, in that order and behind `after`, without those that were amended."""
        row = EventRow
        query = select(row.received_at, row.source, row.event_id, row.type, row.customer_id, row.at, row.data)
        query = query.where(row.received_at >= since, row.at >= since - OLDEST, row.archived_at.is_(None))
        query = query.where(row.type.in_(sorted(types)))
        if after is not None:
            same = and_(row.received_at == after.received_at, row.source == after.source, row.event_id > after.id)
            later = and_(row.received_at == after.received_at, row.source > after.source)
            query = query.where(or_(row.received_at > after.received_at, later, same))
        query = query.order_by(row.received_at, row.source, row.event_id).limit(limit)
        return [Received(*found) for found in self._session.execute(query)]

    def customers(self, since: datetime, types: Collection[str] | None = None) -> list[str]:
        """Ids of the customers of whom events (of some types, or any) became known at `since` or later, in order."""
        row = EventRow
        query = select(row.customer_id).where(row.received_at >= since, row.at >= since - OLDEST)
        if types is not None:
            query = query.where(row.type.in_(sorted(types)))
        return list(self._session.scalars(query.distinct().order_by(row.customer_id)))

    def weekly(
        self, customer_ids: Sequence[str], now: datetime, weeks: int
    ) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """(customer id, type, events of each of the last `weeks` seven days, latest first) of some customers."""
        row, ends = EventRow, [now - WEEK * number for number in range(weeks + 1)]
        counts = [
            func.sum(case((and_(row.at > ends[number + 1], row.at <= ends[number]), 1), else_=0))
            for number in range(weeks)
        ]
        for start in range(0, len(customer_ids), _BATCH):
            part = customer_ids[start : start + _BATCH]
            query = select(row.customer_id, row.type, *counts).where(row.customer_id.in_(part))
            query = query.where(row.at > ends[-1], row.at <= now, row.archived_at.is_(None))
            for customer, kind, *found in self._session.execute(query.group_by(row.customer_id, row.type)):
                yield customer, kind, tuple(int(count) for count in found)
