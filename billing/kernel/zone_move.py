"""A cadence that moves to another time zone at one of its boundaries: the boundary stays the same instant, no gap and no overlap."""

from __future__ import annotations

from datetime import UTC, datetime

from billing.kernel.cadence import Cadence, Interval, zone_of
from billing.kernel.errors import InvalidError

_MOST_BACK = 12


def moved_zone(cadence: Cadence, number: int, zone: str) -> tuple[Cadence, int]:
    """A cadence on the wall clock of `zone`, and the number at which it has the instant of boundary `number`.

    A day of the month that a shorter month cut (31 January, 28 February) is remembered where the new zone reads the same calendar day.

    >>> new, at = moved_zone(Cadence(datetime(2026, 1, 31, 12, tzinfo=UTC)), 1, "Europe/Berlin")
    >>> new.boundary(at).isoformat(), new.boundary(at + 1).isoformat()
    ('2026-02-28T12:00:00+00:00', '2026-03-31T11:00:00+00:00')
    """
    instant = cadence.boundary(number)
    local = instant.astimezone(zone_of(zone))
    day = cadence.anchor.astimezone(zone_of(cadence.zone)).day
    if cadence.interval in {Interval.MONTH, Interval.YEAR} and day > local.day:
        months = cadence.count * (12 if cadence.interval is Interval.YEAR else 1)
        for back in range(1, _MOST_BACK + 1):
            anchor = _on_day(local, months * back, day)
            found = None if anchor is None else Cadence(anchor, cadence.interval, cadence.count, zone)
            if found is not None and found.boundary(back) == instant:
                return found, back
    return Cadence(instant, cadence.interval, cadence.count, zone), 0


def _on_day(local: datetime, months: int, day: int) -> datetime | None:
    """The instant so many months before a local time on another day of the month; None where there is no such day."""
    year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    try:
        return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(UTC)
    except (ValueError, InvalidError):
        return None
