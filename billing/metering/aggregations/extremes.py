"""The single event that decides: the largest value of a period, or the last one by the time of the event."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from billing.metering.reading import number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalog.item import Meter
    from billing.kernel.period import Period
    from billing.metering.reading import Reading


def largest(meter: Meter, readings: Sequence[Reading], period: Period | None) -> Decimal:  # noqa: ARG001 (an aggregation's signature)
    """The largest value; 0 without any."""
    return max((number for reading in readings if (number := number_of(reading.value)) is not None), default=Decimal(0))


def latest(meter: Meter, readings: Sequence[Reading], period: Period | None) -> Decimal:  # noqa: ARG001 (an aggregation's signature)
    """The last value by event time, and among equals by (source, id); never by arrival. 0 without any."""
    values = [
        (reading.at, reading.order, number) for reading in readings if (number := number_of(reading.value)) is not None
    ]
    return max(values)[2] if values else Decimal(0)
