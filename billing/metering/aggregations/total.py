"""Adding up: the exact sum of the events' values, in whatever order they came."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from billing.metering.reading import EXACT, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.catalog.item import Meter
    from billing.kernel.period import Period
    from billing.metering.reading import Reading


def total(meter: Meter, readings: Sequence[Reading], period: Period | None) -> Decimal:  # noqa: ARG001 (an aggregation's signature)
    """The sum of the values that are numbers."""
    return add(number for reading in readings if (number := number_of(reading.value)) is not None)


def add(numbers: Iterable[Decimal]) -> Decimal:
    """An exact sum; 0 of nothing."""
    with localcontext(EXACT):
        return sum(numbers, Decimal(0))
