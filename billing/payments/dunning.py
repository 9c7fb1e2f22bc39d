"""When a payment that failed is tried again, how long access lasts meanwhile, and when it is given up. Pure.

    active -> past due -> recovered
                 |-----> exhausted

The first attempt is made as soon as an invoice is issued. Each failure that may pass sets the next attempt by the calendar; one that will
not (a stolen card) stops attempts until the customer gives another method, which is tried at once. Either way it is given up when the
calendar has run out. Access lasts while an invoice is past due, up to `past_due_at` + grace, that instant excluded.
The default calendar is 2, 5, 7 and 7 days (Polar's); the default grace is 7 days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import datetime

MAX_STEPS = 20
MAX_STEP_DAYS = 60


class CalendarError(InvalidError):
    """Waiting times that cannot be a calendar of retries."""

    code = "invalid_retry_calendar"


class DunningState(Enum):
    """Where the collection of one invoice is."""

    ACTIVE = "active"
    PAST_DUE = "past_due"
    RECOVERED = "recovered"
    EXHAUSTED = "exhausted"
    HELD = "held"  # money was given back or taken back: people decide what happens next


class Terminal(Enum):
    """What becomes of an invoice that was tried for long enough."""

    UNCOLLECTIBLE = "uncollectible"
    CANCEL = "cancel"
    KEEP_OPEN = "keep_open"


@dataclass(frozen=True, slots=True)
class RetryCalendar:
    """The waits between one failure and the next attempt; after the last of them there is no attempt."""

    waits: tuple[timedelta, ...] = tuple(timedelta(days=days) for days in (2, 5, 7, 7))

    def __post_init__(self) -> None:
        if len(self.waits) > MAX_STEPS:
            raise CalendarError(f"at most {MAX_STEPS} retries", retries=len(self.waits))
        for wait in self.waits:
            if not timedelta() < wait <= timedelta(days=MAX_STEP_DAYS):
                raise CalendarError(f"a wait is above zero and at most {MAX_STEP_DAYS} days", wait=str(wait))

    @classmethod
    def days(cls, *days: int) -> RetryCalendar:
        """A calendar in whole days."""
        return cls(tuple(timedelta(days=each) for each in days))

    def next(self, failures: int, at: datetime) -> datetime | None:
        """When to try again after the `failures`-th failure at `at`; None when that was the last attempt."""
        return at + self.waits[failures - 1] if failures <= len(self.waits) else None

    @property
    def total(self) -> timedelta:
        """From the first failure to the last attempt, when each is made on its day."""
        return sum(self.waits, timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningPolicy:
    """A shop's rules: when to try again, how long access lasts meanwhile, and what comes at the end."""

    calendar: RetryCalendar = RetryCalendar()
    grace: timedelta = timedelta(days=7)
    terminal: Terminal = Terminal.UNCOLLECTIBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunning:
    """The collection of one invoice: `next_attempt_at` is when to try, None when nothing is to be tried.

    `blocked_method` is the method that will never work; `gives_up_at` is when a past due invoice is given up at the latest.
    """

    invoice_id: str
    customer_id: str
    state: DunningState = DunningState.ACTIVE
    failures: int = 0
    next_attempt_at: datetime | None = None
    past_due_at: datetime | None = None
    gives_up_at: datetime | None = None
    blocked_method: str | None = None
    last_code: str | None = None

    @property
    def waits_for_method(self) -> bool:
        """Whether only another payment method can help."""
        return self.state is DunningState.PAST_DUE and self.blocked_method is not None

    def failed(self, *, at: datetime, method: str, code: str, retryable: bool, calendar: RetryCalendar) -> Dunning:
        """After a decline at `at` of an attempt on `method`."""
        if self.state not in {DunningState.ACTIVE, DunningState.PAST_DUE}:
            return self
        failures = self.failures + 1
        again = calendar.next(failures, at)
        later = replace(
            self,
            state=DunningState.PAST_DUE,
            failures=failures,
            past_due_at=self.past_due_at or at,
            gives_up_at=self.gives_up_at or at + calendar.total,
            next_attempt_at=again if retryable else None,
            blocked_method=None if retryable else method,
            last_code=code,
        )
        return later if again is not None else later.given_up()

    def given_up(self) -> Dunning:
        """After the last attempt."""
        return replace(self, state=DunningState.EXHAUSTED, next_attempt_at=None, gives_up_at=None)

    def is_overdue(self, now: datetime) -> bool:
        """Whether it is past due with nothing left to try, and its time is over."""
        waiting = self.state is DunningState.PAST_DUE and self.next_attempt_at is None
        return waiting and self.gives_up_at is not None and self.gives_up_at <= now

    def method_changed(self, method: str, at: datetime) -> Dunning:
        """After the customer gave another method: a past due invoice is tried on it at once."""
        if self.state is not DunningState.PAST_DUE or method == self.blocked_method:
            return self
        return replace(self, next_attempt_at=at, blocked_method=None)

    def settled(self) -> Dunning:
        """After the invoice was paid, by whatever means."""
        mended = self.state in {DunningState.PAST_DUE, DunningState.EXHAUSTED}
        state = DunningState.RECOVERED if mended else self.state
        return replace(self, state=state, next_attempt_at=None, gives_up_at=None, blocked_method=None)

    def held(self) -> Dunning:
        """After money was given back or disputed: nothing is taken by itself any more."""
        return replace(self, state=DunningState.HELD, next_attempt_at=None, gives_up_at=None)


def access_until(dunning: Dunning, grace: timedelta) -> datetime | None:
    """The instant from which rights end because of an unpaid invoice (excluded end of access); None while nothing is past due."""
    if dunning.state not in {DunningState.PAST_DUE, DunningState.EXHAUSTED} or dunning.past_due_at is None:
        return None
    return dunning.past_due_at + grace


def keeps_access(dunning: Dunning, grace: timedelta, now: datetime) -> bool:
    """Whether an invoice that is past due still leaves access at `now`: past due is not revoked."""
    end = access_until(dunning, grace)
    return end is None or now < end


def is_due(dunning: Dunning | None, now: datetime) -> bool:
    """Whether an unpaid invoice is to be tried by itself at `now`: never tried, or at the instant set for the next attempt."""
    if dunning is None:
        return True
    if dunning.state is DunningState.ACTIVE:
        return dunning.next_attempt_at is None or dunning.next_attempt_at <= now
    if dunning.state is not DunningState.PAST_DUE or dunning.next_attempt_at is None:
        return False
    return dunning.next_attempt_at <= now
