"""The queries over rollups: kept beside the events, in their transaction, and read as one statement with the word that they are whole.

Who stores or archives events shares a lock of the tenant; who builds a meter's rollups anew has it alone. So every event is in them once:
it was there when they were built, or its writer saw that they exist and added it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, literal, or_, select, update

from billing.catalog.item import Aggregation
from billing.catalog.store import CatalogStore
from billing.db.bulk import Merge, lock_alone, lock_shared, merge
from billing.kernel.period import Period
from billing.metering.archive_store import USAGE_LOCK, ArchiveStore, beside
from billing.metering.rollup import ROLLED, Bucket, Roll, definition_of, hour_of, tally
from billing.metering.tables import EventRow, RolledMeterRow, UsageRollupRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.item import Meter
    from billing.db.session import Unit

_NAMES = ("meter_key", "customer_id", "hour", "count", "total", "largest")
_MERGES = {"count": Merge.ADD, "total": Merge.ADD, "largest": Merge.LARGEST}
_CHUNK = 20_000
_HOUR = timedelta(hours=1)


class RollupStore:
    """Reads and writes the hourly sums of one tenant's usage."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._session = unit.session

    def open(self) -> tuple[list[Meter], list[Meter]]:
        """All meters, and those whose rollups are whole until this unit of work ends: what is stored is to be added to them."""
        lock_shared(self._session, USAGE_LOCK)
        meters = CatalogStore(self._unit).meters()
        whole = []
        for row in self._session.scalars(select(RolledMeterRow)).all():
            meter = meters.get(row.meter_key)
            if meter is not None and meter.aggregation in ROLLED and definition_of(meter) == row.definition:
                whole.append(meter)
            else:  # its definition has changed: from here on the rollups lack events
                self._session.execute(delete(RolledMeterRow).where(RolledMeterRow.meter_key == row.meter_key))
        return list(meters.values()), whole

    def add(self, rolls: Mapping[Bucket, Roll]) -> None:
        """Let the rollups grow by these."""
        records = [(*bucket, roll.count, roll.total, roll.largest) for bucket, roll in rolls.items()]
        merge(self._session, UsageRollupRow, _NAMES, records, _MERGES)

    def forget(self, customer_id: str) -> None:
        """Remove a customer's sums."""
        self.open()  # whoever adds to them is waited for
        mine = UsageRollupRow.customer_id == customer_id
        self._session.execute(delete(UsageRollupRow).where(mine).execution_options(synchronize_session=False))

    def recompute(self, touched: Iterable[tuple[str, str, datetime]]) -> None:
        """Make the hours of these events, each (type, customer id, at), from what is stored now; for events that count no more."""
        places = {(kind, customer, hour_of(at)) for kind, customer, at in touched}
        meters = [meter for meter in self.open()[1] if any(meter.event_type == kind for kind, _, _ in places)]
        buckets = [(m.key, customer, hour) for m in meters for kind, customer, hour in places if m.event_type == kind]
        self.add({bucket: Roll() for bucket in buckets})  # has the rows alone: who adds to them waits, or has done so
        for meter in meters:
            for _, customer, hour in (bucket for bucket in buckets if bucket[0] == meter.key):
                self._replace(meter, customer, hour)

    def _replace(self, meter: Meter, customer: str, hour: datetime) -> None:
        made, files = ArchiveStore(self._unit).settled(lambda: self._hour_in_table(meter, customer, hour))
        archived = beside(self._unit, files)
        if archived is not None:
            for roll in tally(
                [meter], archived.tail(meter.event_type, [customer], Period(hour, hour + _HOUR))
            ).values():
                made.add(roll)
        self._session.execute(
            update(UsageRollupRow)
            .where(
                UsageRollupRow.meter_key == meter.key,
                UsageRollupRow.customer_id == customer,
                UsageRollupRow.hour == hour,
            )
            .values(count=made.count, total=made.total, largest=made.largest)
            .execution_options(synchronize_session=False)
        )

    def _hour_in_table(self, meter: Meter, customer: str, hour: datetime) -> Roll:
        query = (
            select(EventRow.type, EventRow.customer_id, EventRow.at, EventRow.data)
            .where(EventRow.customer_id == customer, EventRow.type == meter.event_type)
            .where(EventRow.at >= hour, EventRow.at < hour + _HOUR, EventRow.archived_at.is_(None))
            .execution_options(yield_per=_CHUNK)
        )
        made = Roll()
        for roll in tally([meter], (tuple(row) for row in self._session.execute(query))).values():
            made.add(roll)
        return made

    def unrolled(self) -> list[Meter]:
        """Meters that could have rollups and have none that are whole: new ones, and those whose definition has changed."""
        known = {row.meter_key: row.definition for row in self._session.scalars(select(RolledMeterRow))}
        meters = CatalogStore(self._unit).meters().values()
        return [each for each in meters if each.aggregation in ROLLED and known.get(each.key) != definition_of(each)]

    def build(self, meter: Meter, now: datetime) -> None:
        """Make a meter's rollups from all events that are kept; writers of events wait."""
        lock_alone(self._session, USAGE_LOCK)
        if CatalogStore(self._unit).meters().get(meter.key) != meter:
            return  # changed meanwhile; it is found unrolled again
        self._session.execute(delete(RolledMeterRow).where(RolledMeterRow.meter_key == meter.key))
        self._session.execute(delete(UsageRollupRow).where(UsageRollupRow.meter_key == meter.key))
        for rolls in self._tallied(meter):
            self.add(rolls)
        self._session.add(RolledMeterRow(meter_key=meter.key, definition=definition_of(meter), rolled_at=now))
        self._session.flush()

    def _tallied(self, meter: Meter, customer_ids: Sequence[str] | None = None) -> Iterator[dict[Bucket, Roll]]:
        query = select(EventRow.type, EventRow.customer_id, EventRow.at, EventRow.data)
        query = query.where(EventRow.type == meter.event_type, EventRow.archived_at.is_(None))
        if customer_ids is not None:
            query = query.where(EventRow.customer_id.in_(customer_ids))
        found = self._session.execute(query.execution_options(yield_per=_CHUNK))
        for chunk in found.partitions():
            yield tally([meter], (tuple(row) for row in chunk))
        archived = beside(
            self._unit, ArchiveStore(self._unit).files()
        )  # who builds has the lock alone, who proves sees one instant
        if archived is not None:
            tail = archived.tail(meter.event_type, customer_ids)
            while part := list(islice(tail, _CHUNK)):
                yield tally([meter], part)

    def from_events(self, meter: Meter, customer_ids: Sequence[str]) -> dict[Bucket, Roll]:
        """What the rollups of these customers should hold, made from their events."""
        made: dict[Bucket, Roll] = {}
        for rolls in self._tallied(meter, customer_ids):
            for bucket, roll in rolls.items():
                made.setdefault(bucket, Roll()).add(roll)
        return made

    def kept(self, meter: Meter, customer_ids: Sequence[str]) -> dict[Bucket, Roll]:
        """What they do hold."""
        query = select(UsageRollupRow).where(
            UsageRollupRow.meter_key == meter.key, UsageRollupRow.customer_id.in_(customer_ids)
        )
        rows = self._session.scalars(query.execution_options(yield_per=_CHUNK))
        return {
            (row.meter_key, row.customer_id, row.hour): Roll(row.count, Decimal(row.total), row.largest) for row in rows
        }

    def whole(self) -> list[Meter]:
        """The meters whose rollups are whole; to read."""
        known = {row.meter_key: row.definition for row in self._session.scalars(select(RolledMeterRow))}
        meters = CatalogStore(self._unit).meters().values()
        return [each for each in meters if known.get(each.key) == definition_of(each)]

    def read(self, meter: Meter, spans: Mapping[str, Period]) -> dict[str, Roll] | None:
        """By customer, what whole hours add up to, those without any left out; None when this meter's rollups are not whole.

        One statement says both, so that no other unit of work can come between.
        """
        inside = [
            and_(
                UsageRollupRow.customer_id.in_(names),
                UsageRollupRow.hour >= period.start,
                UsageRollupRow.hour < period.end,
            )
            for period, names in _by_period(spans).items()
        ]
        query = (
            select(RolledMeterRow.definition, UsageRollupRow.customer_id, *self._sums(meter))
            .outerjoin(UsageRollupRow, and_(UsageRollupRow.meter_key == RolledMeterRow.meter_key, or_(*inside)))
            .where(RolledMeterRow.meter_key == meter.key)
        )
        if self._adds_itself(meter):
            query = query.group_by(RolledMeterRow.definition, UsageRollupRow.customer_id)
        found: dict[str, Roll] = {}
        definition = None
        for definition, customer, count, total, largest in self._session.execute(query):  # noqa: B007 (the same on every row)
            if customer is not None:
                found.setdefault(customer, Roll()).add(Roll(int(count), Decimal(total or 0), _number(largest)))
        return found if definition == definition_of(meter) else None

    def by_hour(self, meter: Meter, customer_id: str, period: Period) -> dict[datetime, Roll] | None:
        """One customer's hours that begin in a period, those without events left out; None as above."""
        row = UsageRollupRow
        inside = and_(row.customer_id == customer_id, row.hour >= period.start, row.hour < period.end)
        query = (
            select(RolledMeterRow.definition, row.hour, row.count, row.total, row.largest)
            .outerjoin(row, and_(row.meter_key == RolledMeterRow.meter_key, inside))
            .where(RolledMeterRow.meter_key == meter.key)
        )
        found: dict[datetime, Roll] = {}
        definition = None
        for definition, hour, count, total, largest in self._session.execute(query):  # noqa: B007 (the same on every row)
            if hour is not None:
                found[hour] = Roll(count, Decimal(total), largest)
        return found if definition == definition_of(meter) else None

    def _adds_itself(self, meter: Meter) -> bool:
        return self._session.get_bind().dialect.name == "postgresql" or meter.aggregation is Aggregation.COUNT

    def _sums(self, meter: Meter) -> tuple[Any, ...]:
        columns: tuple[Any, ...] = UsageRollupRow.count, UsageRollupRow.total, UsageRollupRow.largest
        if not self._adds_itself(meter):
            return columns
        if meter.aggregation is Aggregation.COUNT:
            return func.sum(columns[0]), literal(0), literal(None)
        return func.sum(columns[0]), func.sum(columns[1]), func.max(columns[2])


def _number(found: Any) -> Decimal | None:
    return None if found is None else Decimal(found)


def _by_period(spans: Mapping[str, Period]) -> dict[Period, list[str]]:
    customers: defaultdict[Period, list[str]] = defaultdict(list)
    for customer, period in spans.items():
        customers[period].append(customer)
    return customers
