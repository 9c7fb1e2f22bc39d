"""From events to a quantity, exact, and the same whatever the order of arrival; `aggregations/` has one file for each way to count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.metering.aggregations.registry import AGGREGATES
from billing.metering.reading import LARGEST_VALUE, Reading, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from billing.catalog.item import Meter
    from billing.kernel.period import Period

__all__ = ["LARGEST_VALUE", "Reading", "number_of", "quantity"]


def quantity(meter: Meter, readings: Iterable[Reading], period: Period | None = None) -> Decimal:
    """The meter's quantity over these events; 0 when there are none. Events without the meter's property count nothing.

    A weighted sum needs the period, and the events before it.

    >>> from billing.catalog.item import Aggregation, Meter
    >>> from datetime import UTC, datetime
    >>> meter = Meter(key="gb", name="Gigabytes", event_type="upload", aggregation=Aggregation.SUM, prop="gb")
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> quantity(meter, [Reading(noon, ("api", "1"), "1.5"), Reading(noon, ("api", "2"), 2)])
    Decimal('3.5')
    """
    return AGGREGATES[meter.aggregation](meter, list(readings), period)
