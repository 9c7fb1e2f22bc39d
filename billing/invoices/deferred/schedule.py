"""How a line that was invoiced in advance is earned over its period of service: a day at a time, by UTC days. Pure.

What is earned by an instant is the line's amount times the share of the period that has passed, rounded towards zero; each day earns what
that implies less what was earned before. So the days of a line sum to it exactly, never overshoot, and do not depend on when anybody
looked. A credit changes the days after it, and the first of them settles what it makes of the days before. A line without a period is
earned on the day it is issued. Source: IFRS 15.39-45 (output method
over time), straight line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator

_MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A deferred line: `amount` is what it earns in all, credits taken off; `due_at` is the end of the next day to earn, None when done.

    `starts_at` and `ends_at` are its period of service (half-open); equal where it is earned at once. `customer_id` is whose line it is.
    """

    invoice_id: str
    position: int
    customer_id: str
    issued_at: datetime
    starts_at: datetime
    ends_at: datetime
    amount: Money
    recognised: Money
    due_at: datetime | None

    @property
    def deferred(self) -> Money:
        """What of it is not earned yet; below zero where more was earned than credits have left."""
        return self.amount - self.recognised

    def earned_by(self, at: datetime) -> Money:
        """What is earned by an instant, excluded: rounded towards zero, and all of it once the period has ended."""
        if at >= self.ends_at:
            return self.amount
        if at <= self.starts_at:
            return Money.zero(self.amount.currency)
        passed = (at - self.starts_at) // _MICROSECOND
        whole = (self.ends_at - self.starts_at) // _MICROSECOND
        size = abs(self.amount.amount_minor) * passed // whole
        return Money(size if self.amount.amount_minor >= 0 else -size, self.amount.currency)

    def credited(self, amount: Money, at: datetime) -> Schedule:
        """After a credit took `amount` off the line; what that makes of the days that were earned is settled when the next day ends."""
        return replace(self, amount=self.amount - amount, due_at=min(self.due_at or day_end(at), day_end(at)))


def opened(
    *,
    invoice_id: str,
    position: int,
    customer_id: str,
    issued_at: datetime,
    amount: Money,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Schedule:
    """The schedule of a line that was just invoiced; without a period it is earned the day it was issued."""
    start = issued_at if starts_at is None else starts_at
    end = issued_at if ends_at is None else ends_at
    return Schedule(
        invoice_id=invoice_id,
        position=position,
        customer_id=customer_id,
        issued_at=issued_at,
        starts_at=start,
        ends_at=max(start, end),
        amount=amount,
        recognised=Money.zero(amount.currency),
        due_at=day_end(issued_at),
    )


def advanced(schedule: Schedule, until: datetime) -> tuple[Schedule, list[tuple[datetime, Money]]]:
    """The schedule after every day that has ended by `until`, and (end of the day, amount) for each day that earned something.

    An amount is below zero where a credit came after its days were earned.
    """
    steps: list[tuple[datetime, Money]] = []
    while schedule.due_at is not None and schedule.due_at <= until:
        end = schedule.due_at
        earned = schedule.earned_by(end) - schedule.recognised
        if earned.amount_minor:
            steps.append((end, earned))
        due_at = None if end >= schedule.ends_at else max(end + DAY, day_end(schedule.starts_at))
        schedule = replace(schedule, recognised=schedule.recognised + earned, due_at=due_at)
    return schedule, steps


def day_end(at: datetime) -> datetime:
    """The first midnight (UTC) after an instant.

    >>> day_end(datetime(2026, 1, 31, 9, tzinfo=UTC)).isoformat()
    '2026-02-01T00:00:00+00:00'
    """
    return datetime.combine(at.date(), time(), tzinfo=UTC) + DAY


def to_come(schedule: Schedule, ends: Iterator[datetime]) -> Iterator[tuple[datetime, Money]]:
    """(end, amount) earned up to each of these instants, in order, beyond what is recognised already."""
    before = schedule.recognised
    for end in ends:
        by_then = schedule.earned_by(end)
        yield end, by_then - before
        before = by_then
