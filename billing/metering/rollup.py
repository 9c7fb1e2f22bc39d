"""Which meters have rollups, and what events add up to by the hour: exact, whatever the order they come in. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation
from billing.kernel.period import Period
from billing.metering.reading import EXACT, LARGEST_VALUE, number_of, passes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.catalog.item import Meter

ROLLED = frozenset({Aggregation.COUNT, Aggregation.SUM, Aggregation.MAX})
"""Aggregations of which a whole can be had from its parts."""

_HOUR = timedelta(hours=1)
_LAST_HOUR = datetime.max.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
Bucket = tuple[str, str, datetime]
"""(meter key, customer id, hour)"""


@dataclass(slots=True)
class Roll:
    """What some events add up to: how many there are, the sum of their values, and the largest; None where there is no number."""

    count: int = 0
    total: Decimal = Decimal(0)
    largest: Decimal | None = None

    def add(self, other: Roll) -> None:
        """Take other events in."""
        self.count += other.count
        self.total = EXACT.add(self.total, other.total)
        if other.largest is not None and (self.largest is None or other.largest > self.largest):
            self.largest = other.largest

    def quantity(self, aggregation: Aggregation) -> Decimal:
        """The meter's quantity; 0 of nothing."""
        if aggregation is Aggregation.COUNT:
            return Decimal(self.count)
        return self.total if aggregation is Aggregation.SUM else self.largest or Decimal(0)


def definition_of(meter: Meter) -> str:
    """What decides how a meter reads its events: two meters of one definition have the same rollups, whatever they are called."""
    filters = sorted((name, sorted(values)) for name, values in meter.filters.items())
    prop = None if meter.aggregation is Aggregation.COUNT else meter.prop
    text = json.dumps([meter.aggregation.value, meter.event_type, prop, filters])
    return hashlib.sha256(text.encode()).hexdigest()


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour, in UTC."""
    return at.replace(minute=0, second=0, microsecond=0)


def whole_hours(period: Period) -> tuple[Period | None, list[Period]]:
    """The whole hours of a period, if it has any, and the parts before and after them."""
    first = hour_of(period.start)
    if first < period.start:
        first = first + _HOUR if first < _LAST_HOUR else period.end
    last = hour_of(period.end)
    if first >= last:
        return None, [period]
    edges = [(period.start, first), (last, period.end)]
    return Period(first, last), [Period(start, end) for start, end in edges if start < end]


def _take(roll: Roll, meter: Meter, data: Mapping[str, Any]) -> None:
    """One event that passes the meter's filters."""
    roll.count += 1
    if meter.aggregation is Aggregation.COUNT:
        return
    value = data.get(meter.prop or "")
    if type(value) is int and -LARGEST_VALUE <= value <= LARGEST_VALUE:
        number: Decimal | None = Decimal(value)
    else:
        number = number_of(value)
    if number is None:
        return
    if meter.aggregation is Aggregation.SUM:
        roll.total = EXACT.add(roll.total, number)
    elif roll.largest is None or number > roll.largest:
        roll.largest = number


def tally(
    meters: Sequence[Meter], events: Iterable[tuple[str, str, datetime, Mapping[str, Any]]]
) -> dict[Bucket, Roll]:
    """What events, each (type, customer id, at, data), add up to by meter, customer and hour."""
    readers: defaultdict[str, list[Meter]] = defaultdict(list)
    for meter in meters:
        readers[meter.event_type].append(meter)
    rolls: defaultdict[Bucket, Roll] = defaultdict(Roll)
    for kind, customer, at, data in events:
        if kind not in readers:
            continue
        hour = at.replace(minute=0, second=0, microsecond=0)
        for meter in readers[kind]:
            if not meter.filters or passes(meter, data):
                _take(rolls[meter.key, customer, hour], meter, data)
    return rolls


def sum_up(meter: Meter, documents: Iterable[Mapping[str, Any]]) -> Roll:
    """What events with these properties add up to."""
    made = Roll()
    for data in documents:
        if passes(meter, data):
            _take(made, meter, data)
    return made
