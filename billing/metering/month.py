"""Calendar months in UTC, by which events are partitioned and archived: a month is named by the instant it begins. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing.kernel.errors import InvalidError
from billing.kernel.period import Period

_LONGER_THAN_ANY = timedelta(days=32)


def month_of(moment: datetime) -> datetime:
    """The beginning of the month that an instant lies in.

    >>> month_of(datetime(2026, 1, 31, 9, tzinfo=UTC)).isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """The beginning of the month after."""
    return (month.replace(day=1) + _LONGER_THAN_ANY).replace(day=1)


def span_of(month: datetime) -> Period:
    """The month as a period."""
    return Period(month, next_month(month))


def name_of(month: datetime) -> str:
    """A month as people write it.

    >>> name_of(datetime(2026, 1, 1, tzinfo=UTC))
    '2026-01'
    """
    return f"{month.year:04d}-{month.month:02d}"


def read_month(text: str) -> datetime:
    """A month from such a text."""
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidError(f"{text[:20]!r} is not a month such as 2026-01", month=text[:20]) from None
