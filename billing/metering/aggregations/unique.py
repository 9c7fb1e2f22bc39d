"""Counting different values; where the meter names an operation, what was last removed counts no more."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalog.item import Meter
    from billing.kernel.period import Period
    from billing.metering.reading import Reading

REMOVE = "remove"


def unique(meter: Meter, readings: Sequence[Reading], period: Period | None) -> Decimal:  # noqa: ARG001 (an aggregation's signature)
    """How many different values there are, each judged by its last operation in event time; an event without one adds."""
    present = [reading for reading in readings if reading.value is not None]
    if meter.operation is None:
        return Decimal(len({str(reading.value) for reading in present}))
    last: dict[str, bool] = {}
    for reading in sorted(present, key=lambda reading: (reading.at, reading.order)):
        last[str(reading.value)] = reading.data.get(meter.operation) != REMOVE
    return Decimal(sum(last.values()))
