"""What a price may need to know of a period's usage, and how it is read off the events: the quantity and its divisions. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.catalog.item import Aggregation
from billing.kernel.cadence import zone_of
from billing.metering.aggregate import quantity
from billing.metering.reading import Reading, number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from billing.catalog.item import Meter
    from billing.kernel.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a price asks beside the quantity: by which properties, each event's value, or by local hour of a zone."""

    dimensions: tuple[str, ...] = ()
    values: bool = False
    zone_of_hours: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the quantity alone will do."""
        return not self.dimensions and not self.values and self.zone_of_hours is None

    def check(self, meter: Meter) -> None:
        """Refuse what this meter cannot answer; for publishing, before anything is billed by it."""
        meter.check_groups(self.dimensions)
        _divisible(meter, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A customer's usage on a meter over a period.

    `values` are those of single events by event time; `groups` is keyed by the values of the asked properties in their order ("" where
    an event has none); `hours` by local hour, 0 to 23. What was not asked for is empty.
    """

    quantity: Decimal
    values: tuple[Decimal, ...] = ()
    groups: Mapping[tuple[str, ...], Decimal] = field(default_factory=dict)
    hours: Mapping[int, Decimal] = field(default_factory=dict)


NOTHING = Measured(quantity=Decimal(0))
PLAIN = Need()


def measure(meter: Meter, readings: Iterable[Reading], need: Need = PLAIN, period: Period | None = None) -> Measured:
    """Everything a price needs to know of these events, in whatever order they come."""
    _divisible(meter, need)
    ordered = sorted(readings, key=lambda reading: (reading.at, reading.order))
    return Measured(
        quantity=quantity(meter, ordered, period),
        values=_values(meter, ordered) if need.values else (),
        groups=_groups(meter, ordered, need.dimensions, period) if need.dimensions else {},
        hours=_hours(meter, ordered, need.zone_of_hours) if need.zone_of_hours is not None else {},
    )


def _divisible(meter: Meter, need: Need) -> None:
    if need.values or need.zone_of_hours is not None:
        meter.check_divisible()


def _values(meter: Meter, readings: list[Reading]) -> tuple[Decimal, ...]:
    if meter.aggregation is Aggregation.COUNT:
        return (Decimal(1),) * len(readings)
    return tuple(number for reading in readings if (number := number_of(reading.value)) is not None)


def _groups(
    meter: Meter, readings: list[Reading], dimensions: tuple[str, ...], period: Period | None
) -> dict[tuple[str, ...], Decimal]:
    parts: defaultdict[tuple[str, ...], list[Reading]] = defaultdict(list)
    for reading in readings:
        parts[tuple(text_of(reading.data.get(name)) or "" for name in dimensions)].append(reading)
    return {key: quantity(meter, parts[key], period) for key in sorted(parts)}


def _hours(meter: Meter, readings: list[Reading], zone: str) -> dict[int, Decimal]:
    place = zone_of(zone)
    parts: defaultdict[int, list[Reading]] = defaultdict(list)
    for reading in readings:
        parts[reading.at.astimezone(place).hour].append(reading)
    return {hour: quantity(meter, parts[hour]) for hour in sorted(parts)}
