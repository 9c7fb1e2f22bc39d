"""Anchored billing periods: boundary n is the anchor plus n intervals, always computed from the anchor.

Month ends are remembered (31 Jan, 28 Feb, 31 Mar), 29 February comes back in leap years, and a boundary keeps the wall-clock time of the
anchor in the customer's IANA zone across daylight-saving changes. A wall-clock time that a spring change skips moves forward by the gap;
one that an autumn change repeats means its first occurrence (PEP 495, fold 0). Every answer is found in constant time.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.period import Period

_DAY_SECONDS = 86_400


class Interval(Enum):
    """The unit a cadence counts in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Cadence:
    """Every `count` intervals from `anchor` (an instant in UTC), on the wall clock of `zone` (an IANA name)."""

    anchor: datetime
    interval: Interval = Interval.MONTH
    count: int = 1
    zone: str = "UTC"

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor", utc(self.anchor))
        if self.count < 1:
            raise InvalidError("a cadence repeats every one or more intervals", count=self.count)
        zone_of(self.zone)

    @classmethod
    def monthly_on(cls, day: int, near: datetime, zone: str = "UTC") -> Cadence:
        """Every month at local midnight on `day`, or on the last day of a month that is shorter; anchored in January of `near`'s year.

        >>> cadence = Cadence.monthly_on(31, datetime(2012, 4, 30, tzinfo=UTC))
        >>> cadence.period_at(datetime(2012, 4, 30, tzinfo=UTC)).end.date().isoformat()
        '2012-05-31'
        """
        if not 1 <= day <= 31:
            raise InvalidError("a billing day is a day of the month, from 1 to 31", day=day)
        return cls(datetime(local_date(near, zone).year, 1, day, tzinfo=zone_of(zone)), zone=zone)

    def boundary(self, number: int) -> datetime:
        """The instant in UTC at which period `number` starts; 0 is the anchor, negative numbers lie before it."""
        local = self.anchor.astimezone(zone_of(self.zone))
        steps = number * self.count
        if self.interval in (Interval.DAY, Interval.WEEK):
            days = steps * (7 if self.interval is Interval.WEEK else 1)
            moved = local.replace(tzinfo=None) + timedelta(days=days)
        else:
            moved = _add_months(local.replace(tzinfo=None), steps * (12 if self.interval is Interval.YEAR else 1))
        if number == 0:
            return self.anchor
        return moved.replace(tzinfo=zone_of(self.zone)).astimezone(UTC)

    def period(self, number: int) -> Period:
        """Period `number`, half-open."""
        return Period(self.boundary(number), self.boundary(number + 1))

    def number_at(self, moment: datetime) -> int:
        """The number of the period that contains `moment`: an estimate by arithmetic, then at most a step or two."""
        local = utc(moment).astimezone(zone_of(self.zone))
        start = self.anchor.astimezone(zone_of(self.zone))
        if self.interval in (Interval.DAY, Interval.WEEK):
            width = self.count * (7 if self.interval is Interval.WEEK else 1)
            guess = (local.date() - start.date()).days // width
        else:
            months = (local.year - start.year) * 12 + local.month - start.month
            guess = months // (self.count * (12 if self.interval is Interval.YEAR else 1))
        while self.boundary(guess) > moment:
            guess -= 1
        while self.boundary(guess + 1) <= moment:
            guess += 1
        return guess

    def period_at(self, moment: datetime) -> Period:
        """The period that contains `moment`."""
        return self.period(self.number_at(moment))


def local_date(moment: datetime, zone: str) -> date:
    """The calendar date on the wall of `zone` at `moment`.

    >>> local_date(datetime(2012, 7, 16, 21, tzinfo=UTC), "Asia/Tokyo").isoformat()
    '2012-07-17'
    """
    return utc(moment).astimezone(zone_of(zone)).date()


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone of that name, or an error that says what a name looks like."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidError(f"{name[:60]!r} is not an IANA time zone such as Europe/Berlin", zone=name[:60]) from None


def _add_months(local: datetime, months: int) -> datetime:
    index = local.year * 12 + local.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9998:
        raise InvalidError("the date is outside the calendar", year=year)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, fold=0)
