"""The queries over usage events. What an amendment has archived is seen by none of them but `find` and `late_spans`.

What lies in files in place of the table is read from there, so that every answer is the same as before it was put away.
A count, a sum and a maximum take the whole hours of a period from the rollups, where a meter has them. What is read from the events is
added by the database where it can add exactly: on PostgreSQL values written as plain digits are numerics, and a customer with any value
written otherwise is measured here, so both engines agree digit for digit.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Numeric, and_, case, cast, delete, func, insert, literal, or_, select, update

from billing.catalog.item import Aggregation
from billing.db.bulk import add_new
from billing.db.upsert import insert_new
from billing.metering.aggregations.registry import CARRIED
from billing.metering.amended import StoredEvent
from billing.metering.archive_store import ArchiveStore, beside
from billing.metering.measured import PLAIN, Measured, measure
from billing.metering.reading import Reading, passes
from billing.metering.rollup import ROLLED, Roll, sum_up, tally, whole_hours
from billing.metering.rollup_store import RollupStore
from billing.metering.tables import EventKeyRow, EventRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from billing.catalog.item import Meter
    from billing.db.scope import ScopedSession
    from billing.db.session import Unit
    from billing.kernel.period import Period
    from billing.metering.event import UsageEvent
    from billing.metering.measured import Need

_PLAIN_NUMBER = "^-?[0-9]{1,12}([.][0-9]{1,30})?$"  # every such value is one that `number_of` reads as it stands
_SPANS_A_STATEMENT = 50
_CUSTOMERS_A_STATEMENT = 500
EVENT_COLUMNS = ("source", "event_id", "type", "customer_id", "at", "received_at", "data")
Spans = dict[str, "tuple[datetime, datetime]"]
EventRecord = tuple[str, str, str, str, "datetime", "datetime", "Mapping[str, Any]"]


class Stored(NamedTuple):
    """What became of events: the (source, id) of those that were new, or None when all were; and the types that meters read."""

    fresh: set[tuple[Any, ...]] | None
    types: frozenset[str]


class EventStore:
    """Reads and writes the usage events of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._session = unit.session
        self._archives = ArchiveStore(unit)

    def insert(
        self, events: Sequence[UsageEvent], customer_ids: dict[str, str], received_at: datetime | None
    ) -> set[tuple[str, str]]:
        """Store events and tell the (source, id) of those that were new, decided by the primary key itself.

        Without `received_at` each event was known when it happened (history being imported).
        """
        records = [
            (each.source, each.id, each.type, customer_ids[each.customer], each.at, received_at or each.at, each.data)
            for each in events
        ]
        fresh = self.add(records).fresh
        return {record[:2] for record in records if fresh is None or record[:2] in fresh}

    def add(self, records: Sequence[EventRecord]) -> Stored:
        """Store events of different identities and let the rollups grow by those that were new."""
        rollups = RollupStore(self._unit)
        meters, whole = rollups.open()
        fresh = add_new(self._session, EventKeyRow, EventRow, EVENT_COLUMNS, records)
        if whole:
            new = (record for record in records if fresh is None or record[:2] in fresh)
            rollups.add(tally(whole, ((kind, who, at, data) for _, _, kind, who, at, _, data in new)))
        return Stored(fresh, frozenset(meter.event_type for meter in meters))

    def forget(self, customer_id: str) -> int:
        """Remove a customer's events and their hourly sums; how many events. Those in archived months stay in their files."""
        mine = (EventRow.customer_id == customer_id, EventRow.archived_at.is_(None))
        count = self._session.scalar(select(func.count()).select_from(EventRow).where(*mine)) or 0
        self._session.execute(delete(EventRow).where(*mine).execution_options(synchronize_session=False))
        RollupStore(self._unit).forget(customer_id)
        return count

    def quantity(self, customer_id: str, meter: Meter, period: Period) -> Decimal:
        """One customer's quantity on a meter over a period."""
        return self.measure(customer_id, meter, period).quantity

    def measure(self, customer_id: str, meter: Meter, period: Period, need: Need = PLAIN) -> Measured:
        """One customer's usage on a meter over a period, with the divisions that a price needs."""
        return self.measure_many(meter, need, {customer_id: period})[customer_id]

    def measure_many(self, meter: Meter, need: Need, spans: Mapping[str, Period]) -> dict[str, Measured]:
        """The same for many customers, each over a period of its own, with few statements; every customer has an answer."""
        found: dict[str, Measured] = {}
        for part in _parts(spans):
            if need.is_plain and meter.aggregation in ROLLED:
                rolls = self._rolls(meter, part)
                found |= {customer: Measured(quantity=rolls[customer].quantity(meter.aggregation)) for customer in part}
                continue
            seen = self._seen(meter, part.items())
            found |= {
                customer: measure(meter, seen.get(customer, ()), need, period) for customer, period in part.items()
            }
        return found

    def _rolls(self, meter: Meter, spans: Mapping[str, Period]) -> Mapping[str, Roll]:
        """By customer: whole hours from the rollups where these are whole, the rest from the events."""
        cuts = {customer: whole_hours(period) for customer, period in spans.items()}
        hours = {customer: whole for customer, (whole, _) in cuts.items() if whole is not None}
        kept = RollupStore(self._unit).read(meter, hours) if hours else None
        rolls: defaultdict[str, Roll] = defaultdict(Roll, kept or {})
        rest = (
            list(spans.items())
            if kept is None
            else [(customer, edge) for customer, (_, edges) in cuts.items() for edge in edges]
        )
        if rest:
            for customer, roll in self._from_events(meter, rest).items():
                rolls[customer].add(roll)
        return rolls

    def _from_events(self, meter: Meter, spans: Sequence[tuple[str, Period]]) -> dict[str, Roll]:
        """The same from the events themselves: added by the database where all values are plain digits, else here."""
        rolls, files = self._archives.settled(lambda: self._rolls_in_table(meter, spans))
        archived = beside(self._unit, files)
        if archived is not None:
            for customer, reading in archived.readings(meter, spans):
                rolls.setdefault(customer, Roll()).add(sum_up(meter, (reading.data,)))
        return rolls

    def _rolls_in_table(self, meter: Meter, spans: Sequence[tuple[str, Period]]) -> dict[str, Roll]:
        rolls: dict[str, Roll] = {}
        rest = spans
        if self._is_made_by_database(meter):
            made = self._made_by_database(meter, spans)
            rolls = {customer: roll for customer, roll in made.items() if roll is not None}
            rest = [(customer, span) for customer, span in spans if customer in made and customer not in rolls]
        if rest:
            for customer, readings in self._seen_in_table(meter, rest).items():
                rolls[customer] = sum_up(meter, (reading.data for reading in readings))
        return rolls

    def readings(self, customer_id: str, meter: Meter, period: Period) -> list[Reading]:
        """What a meter sees of one customer's events in a period, in no order; those before it too where the level carries over."""
        return self._seen(meter, [(customer_id, period)]).get(customer_id, [])

    def _seen(self, meter: Meter, spans: Iterable[tuple[str, Period]]) -> dict[str, list[Reading]]:
        wanted = list(spans)
        seen, files = self._archives.settled(lambda: self._seen_in_table(meter, wanted))
        archived = beside(self._unit, files)
        if archived is not None:
            for customer, reading in archived.readings(meter, wanted):
                seen[customer].append(reading)
        return seen

    def _seen_in_table(self, meter: Meter, spans: Iterable[tuple[str, Period]]) -> defaultdict[str, list[Reading]]:
        query = select(EventRow.customer_id, EventRow.at, EventRow.source, _FIRST_ID, EventRow.data).where(
            EventRow.type == meter.event_type, EventRow.archived_at.is_(None), _within(meter, spans)
        )
        seen: defaultdict[str, list[Reading]] = defaultdict(list)
        for customer, at, source, first_id, data in self._session.execute(query):
            if passes(meter, data):
                seen[customer].append(Reading(at, (source, first_id), data.get(meter.prop or ""), data))
        return seen

    def _is_made_by_database(self, meter: Meter) -> bool:
        if self._session.get_bind().dialect.name == "postgresql":
            return meter.aggregation in {Aggregation.COUNT, Aggregation.SUM, Aggregation.MAX}
        return meter.aggregation is Aggregation.COUNT and not meter.filters

    def _made_by_database(self, meter: Meter, spans: Sequence[tuple[str, Period]]) -> dict[str, Roll | None]:
        """By customer: the sums, or None where a value needs to be read here; who has no events is left out."""
        made, odd = _made(meter)
        query = select(EventRow.customer_id, func.count(), made, odd).where(
            EventRow.type == meter.event_type, EventRow.archived_at.is_(None), _within(meter, spans)
        )
        for name, values in meter.filters.items():
            query = query.where(EventRow.data[name].as_string().in_(values))
        rolls: dict[str, Roll | None] = {}
        for customer, count, number, unread in self._session.execute(query.group_by(EventRow.customer_id)):
            exact = None if number is None else Decimal(number)
            rolls[customer] = None if unread else Roll(count, exact or Decimal(0), exact)
        return rolls

    def find(self, source: str, event_id: str) -> StoredEvent | None:
        """One event by its identity, archived or not, from the table or a file."""
        at = self._at(source, event_id)
        if at is None:
            return None
        one = select(EventRow).where(EventRow.at == at, EventRow.source == source, EventRow.event_id == event_id)
        row, files = self._archives.settled(lambda: self._session.scalar(one))
        if row is not None:
            return stored_event(row)
        archived = beside(self._unit, files)
        record = None if archived is None else archived.event(at, source, event_id)
        return None if record is None else record.event()

    def _at(self, source: str, event_id: str) -> datetime | None:
        """The instant of the event that has an identity; None where it is free."""
        key = EventKeyRow.source == source, EventKeyRow.event_id == event_id
        return self._session.scalar(select(EventKeyRow.at).where(*key))

    def archive(self, event: StoredEvent, *, amended_by: str, at: datetime) -> bool:
        """Let an event count no more, unless another amendment has replaced it; whether it was done."""
        done = self._session.execute(
            update(EventRow)
            .where(EventRow.at == event.at, EventRow.source == event.source, EventRow.event_id == event.id)
            .where(EventRow.amended_by.is_(None))
            .values(amended_by=amended_by, archived_at=func.coalesce(EventRow.archived_at, at))
            .returning(EventRow.event_id)
            .execution_options(synchronize_session=False)
        )
        return done.first() is not None

    def add_amendment(self, event: StoredEvent) -> bool:
        """Store an amendment; False when its identity is taken."""
        row = {
            "source": event.source,
            "event_id": event.id,
            "type": event.type,
            "customer_id": event.customer_id,
            "at": event.at,
            "received_at": event.received_at,
            "data": dict(event.data),
            "amends": event.amends,
            "first_id": event.first_id,
            "archived_at": event.archived_at,
        }
        identity = {name: row[name] for name in ("source", "event_id", "at")}
        if not insert_new(self._session, EventKeyRow, [identity], (EventKeyRow.event_id,)):
            return False
        self._session.execute(insert(EventRow), [row])
        return True

    def late_spans(self, customer_ids: Iterable[str] | None, since: datetime) -> Spans:
        """By customer, the earliest and latest instant before `since` whose usage became known, or was archived, at `since` or after."""
        if customer_ids is None:
            return self._known(since, before=since)
        found: Spans = {}
        wanted = sorted(set(customer_ids))
        for start in range(0, len(wanted), _CUSTOMERS_A_STATEMENT):
            found |= self._known(since, wanted[start : start + _CUSTOMERS_A_STATEMENT], before=since)
        return found

    def spans_known_since(self, since: datetime) -> Spans:
        """By customer, the earliest and latest instant of usage that became known, or was archived, at `since` or after."""
        return self._known(since)

    def changed_since(self, customer_id: str, since: datetime, period: Period) -> bool:
        """Whether events of a customer dated in a period became known, or were archived, at `since` or after."""
        return bool(self._known(since, [customer_id], start=period.start, before=period.end))

    def _known(
        self,
        since: datetime,
        customer_ids: Sequence[str] | None = None,
        *,
        start: datetime | None = None,
        before: datetime | None = None,
    ) -> Spans:
        query = select(EventRow.customer_id, func.min(EventRow.at), func.max(EventRow.at)).where(
            or_(EventRow.received_at >= since, EventRow.archived_at >= since)
        )
        if start is not None:
            query = query.where(EventRow.at >= start)
        if before is not None:
            query = query.where(EventRow.at < before)
        if customer_ids is not None:
            query = query.where(EventRow.customer_id.in_(customer_ids))
        query = query.group_by(EventRow.customer_id)
        rows, files = self._archives.settled(lambda: self._session.execute(query).all())
        found = {customer: (earliest, latest) for customer, earliest, latest in rows}
        archived = beside(self._unit, [file for file in files if file.known_until >= since])
        if archived is not None:
            for customer, (earliest, latest) in archived.known_since(since, customer_ids, start, before).items():
                first, last = found.get(customer, (earliest, latest))
                found[customer] = min(first, earliest), max(last, latest)
        return found

    def counts(self, event_type: str, period: Period) -> dict[str, int]:
        """How many events of a type each customer had in a period; those without any are left out."""
        query = select(EventRow.customer_id, func.count()).where(EventRow.type == event_type)
        query = query.where(EventRow.archived_at.is_(None))
        query = query.where(EventRow.at >= period.start, EventRow.at < period.end).group_by(EventRow.customer_id)
        rows, files = self._archives.settled(lambda: self._session.execute(query).all())
        found = Counter({str(customer_id): int(count) for customer_id, count in rows})
        archived = beside(self._unit, files)
        if archived is not None:
            found.update(archived.counts(event_type, period))
        return dict(found)

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
            .where(EventRow.at < moment, EventRow.archived_at.is_(None))
            .order_by(*by_time(self._session))
        )
        if customer_id is not None:
            query = query.where(EventRow.customer_id == customer_id)
        archived = beside(self._unit, [file for file in self._archives.files() if file.first_at < moment])
        rows = self._session.execute(query.execution_options(yield_per=10_000))
        in_table = (tuple(row) for row in rows)
        if archived is None:
            yield from in_table
            return
        yield from heapq.merge(archived.history(moment, customer_id), in_table, key=itemgetter(2, 5, 6))


_FIRST_ID = func.coalesce(EventRow.first_id, EventRow.event_id)


def _parts(spans: Mapping[str, Period]) -> Iterator[dict[str, Period]]:
    """Customers of equal spans together, so many spans and customers a statement as it carries well."""
    ordered = sorted(spans.items(), key=lambda pair: (pair[1].start, pair[1].end, pair[0]))
    part: dict[str, Period] = {}
    periods: set[Period] = set()
    for customer, period in ordered:
        if len(part) == _CUSTOMERS_A_STATEMENT or len(periods | {period}) > _SPANS_A_STATEMENT:
            yield part
            part, periods = {}, set()
        part[customer] = period
        periods.add(period)
    if part:
        yield part


def _within(meter: Meter, spans: Iterable[tuple[str, Period]]) -> ColumnElement[bool]:
    customers: defaultdict[Period, list[str]] = defaultdict(list)
    for customer, period in spans:
        customers[period].append(customer)
    parts = []
    for period, names in customers.items():
        inside = [EventRow.customer_id.in_(names), EventRow.at < period.end]
        if meter.aggregation not in CARRIED:
            inside.append(EventRow.at >= period.start)
        parts.append(and_(*inside))
    return or_(*parts)


def _made(meter: Meter) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The quantity as the database makes it, and how many values it cannot read."""
    if meter.aggregation is Aggregation.COUNT:
        return func.count(), literal(0)
    text = EventRow.data[meter.prop].as_string()
    is_value = func.jsonb_typeof(EventRow.data[meter.prop]).in_(["number", "string"])
    is_plain = and_(is_value, text.regexp_match(_PLAIN_NUMBER))
    number = case((is_plain, cast(text, Numeric)))
    made = func.sum(number) if meter.aggregation is Aggregation.SUM else func.max(number)
    return made, func.count(case((and_(is_value, ~text.regexp_match(_PLAIN_NUMBER)), 1)))


def by_time(session: ScopedSession) -> tuple[Any, Any, Any]:
    """(at, source, id), texts by their characters' numbers as files and Python order them, in whatever language the database sorts."""
    if session.get_bind().dialect.name == "postgresql":
        return EventRow.at, EventRow.source.collate("C"), EventRow.event_id.collate("C")
    return EventRow.at, EventRow.source, EventRow.event_id


def stored_event(row: EventRow) -> StoredEvent:
    """An event from its row."""
    return StoredEvent(
        source=row.source,
        id=row.event_id,
        type=row.type,
        customer_id=row.customer_id,
        at=row.at,
        received_at=row.received_at,
        data=row.data,
        amends=row.amends,
        first_id=row.first_id,
        amended_by=row.amended_by,
        archived_at=row.archived_at,
    )
