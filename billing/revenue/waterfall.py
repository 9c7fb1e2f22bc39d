"""The waterfall of revenue: what each month earned, what was left to earn at its end, and what of that the months to come will earn.

The months that are over are read from the books, and the months to come from the schedules; the two meet in what is deferred now.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from billing.invoices.deferred.schedule import to_come
from billing.invoices.deferred.store import DeferredStore
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from billing.db.session import Unit
    from billing.invoices.deferred.schedule import Schedule
    from billing.ledger.balance import DayBalance

MOST_MONTHS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueMonth:
    """One month and currency: `revenue` is all that was earned, `recognised` what of it had been invoiced in advance.

    `deferred` is what was left to earn when the month ended. For a month to come, `recognised` is what it will earn of what is invoiced.
    """

    month: datetime
    currency: str
    revenue: Money
    recognised: Money
    deferred: Money


def revenue_months(unit: Unit, *, first: datetime, last: datetime) -> list[RevenueMonth]:
    """Every month (UTC) from that of `first` to that of `last`, both included, with a row a currency that anything was booked in."""
    months = list(_months(first, last))
    if not months:
        return []
    books, end = LedgerStore(unit), next_month(months[-1])
    earned = _by_month(books.by_day(until=end, accounts=[Account.REVENUE]))
    recognised = _by_month(books.by_day(until=end, accounts=[Account.REVENUE], fact="revenue_earned"))
    deferred = _by_month(books.by_day(until=end, accounts=[Account.DEFERRED_REVENUE]))
    return [
        row
        for currency in sorted(earned.keys() | deferred.keys())
        for row in _rows(currency, months, earned[currency], recognised[currency], deferred[currency])
    ]


def months_to_come(schedules: Iterable[Schedule], *, now: datetime, count: int) -> list[RevenueMonth]:
    """What the month of `now` still earns and the months after it will, of what is invoiced already, if nothing is credited."""
    months = []
    month = month_of(now)
    for _ in range(min(count, MOST_MONTHS)):
        months.append(month)
        month = next_month(month)
    sums: defaultdict[str, dict[datetime, int]] = defaultdict(lambda: dict.fromkeys(months, 0))
    rest: defaultdict[str, int] = defaultdict(int)
    for schedule in schedules:
        currency = schedule.amount.currency
        rest[currency] += schedule.deferred.amount_minor
        for end, amount in to_come(schedule, (next_month(each) for each in months)):
            sums[currency][month_of_end(end)] += amount.amount_minor
    return list(_coming(months, sums, rest))


def load_to_come(unit: Unit, *, now: datetime, count: int) -> list[RevenueMonth]:
    """The same of all lines of the tenant."""
    return months_to_come(DeferredStore(unit).unfinished(), now=now, count=count)


def _coming(
    months: list[datetime], sums: dict[str, dict[datetime, int]], rest: dict[str, int]
) -> Iterator[RevenueMonth]:
    for currency in sorted(sums):
        left = rest[currency]
        for month in months:
            earned = sums[currency][month]
            left -= earned
            amount = Money(earned, currency)
            yield RevenueMonth(
                month=month, currency=currency, revenue=amount, recognised=amount, deferred=Money(left, currency)
            )


def _by_month(days: Iterable[DayBalance]) -> defaultdict[str, defaultdict[datetime, int]]:
    """What each month changed by currency, on the side where income and liabilities grow."""
    found: defaultdict[str, defaultdict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    for day in days:
        found[day.currency][month_of(day.day)] -= day.minor
    return found


def _rows(
    currency: str,
    months: list[datetime],
    earned: Mapping[datetime, int],
    recognised: Mapping[datetime, int],
    deferred: Mapping[datetime, int],
) -> Iterator[RevenueMonth]:
    """The months' rows; what was deferred before the first month opens it."""
    left = sum(minor for month, minor in deferred.items() if month < months[0])
    for month in months:
        left += deferred.get(month, 0)
        yield RevenueMonth(
            month=month,
            currency=currency,
            revenue=Money(earned.get(month, 0), currency),
            recognised=Money(recognised.get(month, 0), currency),
            deferred=Money(left, currency),
        )


def month_of(at: date) -> datetime:
    """The beginning of the month (UTC) of an instant or a day."""
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def month_of_end(end: datetime) -> datetime:
    """The month that ends at an instant."""
    return datetime(end.year - (end.month == 1), end.month - 1 or 12, 1, tzinfo=UTC)


def next_month(month: datetime) -> datetime:
    """The beginning of the month after.

    >>> next_month(datetime(2026, 12, 1, tzinfo=UTC)).isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    return datetime(month.year + (month.month == 12), month.month % 12 + 1, 1, tzinfo=UTC)


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    month, end = month_of(first), month_of(last)
    for _ in range(MOST_MONTHS):
        if month > end:
            return
        yield month
        month = next_month(month)
