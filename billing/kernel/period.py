"""Half-open intervals of time in UTC, and the exact share one is of another.

The start belongs to the interval, the end does not, so neighbouring periods neither overlap nor leave a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From `start` (included) to `end` (excluded), both in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        if self.end <= self.start:
            raise InvalidError("a period ends after it starts", start=self.start.isoformat(), end=self.end.isoformat())

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    @property
    def microseconds(self) -> int:
        """The exact length, as a whole number of microseconds."""
        return (self.end - self.start) // _MICROSECOND

    def overlap(self, other: Period) -> Period | None:
        """The part that both share, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    def share_of(self, whole: Period) -> Fraction:
        """How much of `whole` this period covers, exactly, between 0 and 1."""
        common = self.overlap(whole)
        return Fraction(common.microseconds, whole.microseconds) if common else Fraction(0)

    def since(self, moment: datetime) -> Period | None:
        """The part of this period from `moment` on, or None when nothing is left."""
        start = max(self.start, moment)
        return Period(start, self.end) if start < self.end else None
