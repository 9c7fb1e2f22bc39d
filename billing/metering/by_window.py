"""Usage by hours, days or months: whole hours from the rollups where a meter has them, the few parts of hours from the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.period import Period
from billing.metering.measured import Measured
from billing.metering.rollup import ROLLED, Roll, hour_of, sum_up, whole_hours
from billing.metering.rollup_store import RollupStore
from billing.metering.store import EventStore
from billing.metering.windows import measure_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.catalog.item import Meter
    from billing.db.session import Unit
    from billing.metering.measured import Need

_MOST_EDGES = 4  # of a zone whose hours begin at half past, each window has two: the events are then read once


def usage_by_window(
    unit: Unit, customer_id: str, meter: Meter, spans: Sequence[Period], need: Need
) -> list[tuple[Period, Measured]]:
    """One customer's usage in each of these windows, which follow each other."""
    if not spans:
        return []
    period = Period(spans[0].start, spans[-1].end)
    parts = [whole_hours(span) for span in spans]
    edges = [edge for _, found in parts for edge in found]
    if need.is_plain and meter.aggregation in ROLLED and len(edges) <= _MOST_EDGES:
        hours = RollupStore(unit).by_hour(meter, customer_id, period)
        if hours is not None:
            sums = _by_whole(hours, [whole for whole, _ in parts])
            for roll, (_, found) in zip(sums, parts, strict=True):
                for edge in found:
                    seen = EventStore(unit).readings(customer_id, meter, edge)
                    roll.add(sum_up(meter, (reading.data for reading in seen)))
            return [
                (span, Measured(quantity=roll.quantity(meter.aggregation)))
                for span, roll in zip(spans, sums, strict=True)
            ]
    return measure_windows(meter, EventStore(unit).readings(customer_id, meter, period), spans, need)


def _by_whole(hours: Mapping[datetime, Roll], wholes: Sequence[Period | None]) -> list[Roll]:
    """What the hours inside each part add up to; parts and hours go forward together."""
    ordered, place, sums = sorted(hours), 0, []
    for whole in wholes:
        made = Roll()
        while whole is not None and place < len(ordered) and ordered[place] < hour_of(whole.end):
            if ordered[place] >= whole.start:
                made.add(hours[ordered[place]])
            place += 1
        sums.append(made)
    return sums
