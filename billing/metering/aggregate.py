"""From events to a quantity: one function per aggregation, exact, and the same whatever the order of arrival.

Ties of time are broken by (source, id), so that `latest` has one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, localcontext
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation
from billing.kernel.errors import InvalidError
from billing.kernel.money import parse_decimal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.catalog.item import Meter

LARGEST_VALUE = 10**12
_ZERO = Decimal(0)
_EXACT = Context(prec=200, traps=[Inexact])  # a number has 31 digits before the point and 90 behind it at most


@dataclass(frozen=True, slots=True)
class Reading:
    """One event as a meter sees it: when, in which order among equals, and its raw value."""

    at: datetime
    order: tuple[str, str]
    value: Any


def quantity(meter: Meter, readings: Iterable[Reading]) -> Decimal:
    """The meter's quantity over these events; 0 when there are none. Events without the meter's property count nothing.

    >>> from billing.catalog.item import Meter
    >>> from datetime import UTC, datetime
    >>> meter = Meter(key="gb", name="Gigabytes", event_type="upload", aggregation=Aggregation.SUM, prop="gb")
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> quantity(meter, [Reading(noon, ("api", "1"), "1.5"), Reading(noon, ("api", "2"), 2)])
    Decimal('3.5')
    """
    if meter.aggregation is Aggregation.COUNT:
        return Decimal(sum(1 for _ in readings))
    present = [reading for reading in readings if reading.value is not None]
    if meter.aggregation is Aggregation.UNIQUE:
        return Decimal(len({str(reading.value) for reading in present}))
    values = [
        (reading.at, reading.order, number) for reading in present if (number := number_of(reading.value)) is not None
    ]
    if not values:
        return _ZERO
    if meter.aggregation is Aggregation.SUM:
        with localcontext(_EXACT):
            return sum((value for _, _, value in values), _ZERO)
    if meter.aggregation is Aggregation.MAX:
        return max(value for _, _, value in values)
    return max(values)[2]


def number_of(value: object) -> Decimal | None:
    """The exact number a stored value stands for; None when it is no number, or one that no invoice could price.

    >>> number_of("2.50"), number_of("1e13"), number_of("many")
    (Decimal('2.50'), None, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = parse_decimal(str(value))
    except InvalidError:
        return None
    return number if abs(number) <= LARGEST_VALUE else None
