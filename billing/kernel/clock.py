"""The port through which the outermost shells learn the time; everything inside is given `now` as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from billing.kernel.errors import InvalidError


class Clock(Protocol):
    """Anything that can say what time it is, in UTC."""

    def now(self) -> datetime:
        """The present instant, zone-aware and in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class FrozenClock:
    """A clock that stands still until somebody moves it: the twin of the system clock."""

    at: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


def utc(moment: datetime) -> datetime:
    """`moment` in UTC; a naive datetime is refused, since its zone would be a guess."""
    if moment.tzinfo is None:
        raise InvalidError("a point in time needs its zone, such as 2026-01-31T09:00:00Z", value=moment.isoformat())
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidError("the point in time is outside the calendar", value=moment.isoformat()) from None


def parse_instant(text: str) -> datetime:
    """An instant from RFC 3339 text.

    >>> parse_instant("2026-01-31T09:00:00+01:00").isoformat()
    '2026-01-31T08:00:00+00:00'
    """
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError:
        raise InvalidError(
            f"{text[:40]!r} is not an RFC 3339 instant such as 2026-01-31T09:00:00Z", value=text[:40]
        ) from None


def format_instant(moment: datetime) -> str:
    """An instant as the API writes it: RFC 3339, UTC, `Z`.

    >>> format_instant(parse_instant("2026-01-31T09:00:00Z"))
    '2026-01-31T09:00:00Z'
    """
    return utc(moment).isoformat().replace("+00:00", "Z")
