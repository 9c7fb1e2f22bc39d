"""A period of usage in hours, days or months of a zone: what a chart shows and a customer checks an invoice against. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.cadence import zone_of
from billing.kernel.errors import InvalidError
from billing.kernel.period import Period
from billing.metering.aggregations.registry import CARRIED
from billing.metering.measured import Measured, Need, measure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from billing.catalog.item import Meter
    from billing.metering.reading import Reading

MOST_WINDOWS = 1000
_HOUR = timedelta(hours=1)


class Window(Enum):
    """The unit that a period is divided by, on the wall of a zone."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class TooManyWindowsError(InvalidError):
    """More windows than are answered at once."""

    code = "too_many_windows"


def windows(period: Period, window: Window, zone: str) -> list[Period]:
    """The period's hours, days or months; the first and the last may be parts. Together they are the period."""
    place = zone_of(zone)
    spans: list[Period] = []
    start = period.start
    while start < period.end:
        if len(spans) == MOST_WINDOWS:
            raise TooManyWindowsError(f"ask for at most {MOST_WINDOWS} windows at once", limit=MOST_WINDOWS)
        end = min(_next(start, window, place), period.end)
        spans.append(Period(start, end))
        start = end
    return spans


def measure_windows(
    meter: Meter, readings: Sequence[Reading], spans: Sequence[Period], need: Need
) -> list[tuple[Period, Measured]]:
    """The usage of each window, from the events of all of them (and of before, for a level that carries over)."""
    carried = meter.aggregation in CARRIED
    ordered = sorted(readings, key=lambda reading: (reading.at, reading.order))
    answers, start = [], 0
    for span in spans:
        while not carried and start < len(ordered) and ordered[start].at < span.start:
            start += 1
        end = start
        while end < len(ordered) and ordered[end].at < span.end:
            end += 1
        answers.append((span, measure(meter, ordered[start:end], need, span)))
    return answers


def _next(moment: datetime, window: Window, place: ZoneInfo) -> datetime:
    """The next beginning of a window on the wall of the zone, strictly later; also when clocks are put forward or back."""
    local = moment.astimezone(place)
    if window is Window.HOUR:
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return moment - past + _HOUR
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    following = (
        day + timedelta(days=1) if window is Window.DAY else (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    )
    found = following.replace(tzinfo=place).astimezone(UTC)
    return found if found > moment else moment + _HOUR
