"""How much of a price a part of its period pays for: exact fractions, always of the whole period that the price covers.

A share is never rounded; money is, once per line. Days are calendar days in the customer's zone, counted from date to date, so that the
day of a change belongs to what comes after it. The net of a change is the sum of its two rounded lines.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from billing.kernel.cadence import local_date
from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import date, datetime

    from billing.kernel.cadence import Cadence
    from billing.kernel.money import Money
    from billing.kernel.period import Period

_INSTANT = timedelta(microseconds=1)


class ProrationError(InvalidError):
    """A period that cannot be shared by the policy asked for."""

    code = "invalid_proration"


class Proration(Enum):
    """The named policies. The first three count time; the last two say that time does not matter."""

    BY_SECOND = "by_second"  # the default: exact elapsed time, 23- and 25-hour days included
    BY_DAY = "by_day"  # calendar days in the customer's zone
    BY_THIRTIETH = "by_thirtieth"  # every month has 30 days (the 30/360 convention of bonds)
    NONE = "none"  # nothing is shared: full prices, and a change costs nothing until the next period
    FULL_RESET = "full_reset"  # a change credits the unused old time and charges the new price in full for a period that starts over


class CreditAndDebit(NamedTuple):
    """The two rounded lines of a change: the credit is zero or negative, the debit zero or positive, for positive prices."""

    credit: Money
    debit: Money

    @property
    def net(self) -> Money:
        """What the change costs now: the sum of the two lines as they stand."""
        return self.credit + self.debit


def share_of(part: Period, whole: Period, *, zone: str = "UTC", policy: Proration = Proration.BY_SECOND) -> Fraction:
    """The share of `whole`'s price that `part` pays for, from 0 to 1; parts that tile the whole add up to exactly 1.

    NONE and FULL_RESET charge the full price for any part.
    """
    common = part.overlap(whole)
    if common is None:
        return Fraction(0)
    if policy is Proration.BY_SECOND:
        return common.share_of(whole)
    if policy in (Proration.NONE, Proration.FULL_RESET):
        return Fraction(1)
    days = _days(whole.start, whole.end, zone, policy)
    if days == 0:
        raise ProrationError("a period within one calendar day cannot be shared by days", start=whole.start.isoformat())
    return Fraction(_days(common.start, common.end, zone, policy), days)


def change_shares(whole: Period, at: datetime, *, zone: str, policy: Proration) -> tuple[Fraction, Fraction]:
    """The shares that a change at `at` credits of the old price and charges of the new one."""
    if policy is Proration.NONE:
        return Fraction(0), Fraction(0)
    rest = whole.since(at)
    counted = Proration.BY_SECOND if policy is Proration.FULL_RESET else policy
    left = share_of(rest, whole, zone=zone, policy=counted) if rest else Fraction(0)
    return left, Fraction(1) if policy is Proration.FULL_RESET else left


def credit_and_debit(
    old: Money,
    new: Money,
    whole: Period,
    at: datetime,
    *,
    zone: str = "UTC",
    policy: Proration = Proration.BY_SECOND,
) -> CreditAndDebit:
    """The two lines of a change of price at `at`, both prices being for `whole`.

    >>> from datetime import UTC, datetime
    >>> from billing.kernel.money import Money
    >>> from billing.kernel.period import Period
    >>> june = Period(datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))
    >>> change = credit_and_debit(Money(10000, "EUR"), Money(30000, "EUR"), june, datetime(2025, 6, 11, tzinfo=UTC))
    >>> change.credit.text, change.debit.text, change.net.text
    ('-66.67', '200.00', '133.33')
    """
    credit_share, debit_share = change_shares(whole, at, zone=zone, policy=policy)
    return CreditAndDebit(-old.prorate(credit_share), new.prorate(debit_share))


def periods_in(
    cadence: Cadence, span: Period, *, policy: Proration = Proration.BY_SECOND
) -> list[tuple[Period, Period, Fraction]]:
    """The pieces a span of time falls into along a cadence: each piece, the whole period it is part of, and its share.

    The shares add up to how many periods the span is worth; stubs at both ends are shares of their own whole periods.
    """
    pieces = []
    first, last = cadence.number_at(span.start), cadence.number_at(span.end - _INSTANT)
    for number in range(first, last + 1):
        whole = cadence.period(number)
        piece = span.overlap(whole)
        if piece is not None:
            pieces.append((piece, whole, share_of(piece, whole, zone=cadence.zone, policy=policy)))
    return pieces


def days_in(period: Period, *, zone: str = "UTC", policy: Proration = Proration.BY_DAY) -> int:
    """The days from the date a period starts on to the date it ends on, by the calendar or in months of 30."""
    return _days(period.start, period.end, zone, policy)


def _days(start: datetime, end: datetime, zone: str, policy: Proration) -> int:
    first, last = local_date(start, zone), local_date(end, zone)
    if policy is Proration.BY_THIRTIETH:
        return _thirtieths(last) - _thirtieths(first)
    return (last - first).days


def _thirtieths(day: date) -> int:
    return day.year * 360 + day.month * 30 + min(day.day, 30)
