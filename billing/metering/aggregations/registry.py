"""Which function answers for which aggregation: a new one is a file here and a line below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.item import Aggregation
from billing.metering.aggregations.count import count
from billing.metering.aggregations.extremes import largest, latest
from billing.metering.aggregations.total import total
from billing.metering.aggregations.unique import unique
from billing.metering.aggregations.weighted import weighted_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from billing.catalog.item import Meter
    from billing.kernel.period import Period
    from billing.metering.reading import Reading


AGGREGATES: Mapping[Aggregation, Callable[[Meter, Sequence[Reading], Period | None], Decimal]] = {
    Aggregation.COUNT: count,
    Aggregation.SUM: total,
    Aggregation.MAX: largest,
    Aggregation.UNIQUE: unique,
    Aggregation.LATEST: latest,
    Aggregation.WEIGHTED_SUM: weighted_sum,
}
CARRIED = frozenset({Aggregation.WEIGHTED_SUM})
"""Aggregations that need the events before the period as well."""
