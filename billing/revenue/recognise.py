"""Recognising revenue: every day that has ended, for every line that was invoiced in advance, into the books.

The days of a thousand lines are booked together, one transaction a day and currency, so that the books grow with days and not with
customers; what of them is which line's is the schedule's answer (`billing.invoices.deferred`). Lines are locked, moved on and booked in one
transaction: a run that is killed has booked a line's day or has not, and any number of workers may run at once.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from billing.invoices.deferred.schedule import DAY, advanced
from billing.invoices.deferred.store import DeferredStore
from billing.kernel.clock import utc
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.revenue import revenue_earned

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit

BATCH = 1_000
_INSTANT = timedelta(microseconds=1)


def recognise(
    database: Database, scope: Scope, *, until: datetime, progress: Callable[[int], None] | None = None
) -> int:
    """Book what was earned on the days (UTC) that have ended by `until`; how many lines moved on. Again, it books nothing.

    `progress` is told the number of lines of each batch as it is stored.
    """
    moved, last = 0, datetime.combine(utc(until).date(), time(), tzinfo=UTC)
    while True:
        with database.view(scope) as unit:
            if not DeferredStore(unit).has_due(last):
                return moved
        with database.unit(scope) as unit:
            found = _batch(unit, last)
        if found == 0:  # others hold what is left
            return moved
        moved += found
        if progress is not None:
            progress(found)


def _batch(unit: Unit, last: datetime) -> int:
    store = DeferredStore(unit)
    due = store.lock_due(last, limit=BATCH)
    days: defaultdict[tuple[datetime, str], int] = defaultdict(int)
    moved = []
    for schedule in due:
        later, steps = advanced(schedule, last)
        moved.append(later)
        for end, earned in steps:
            days[end, earned.currency] += earned.amount_minor
    store.save_many(moved)
    run = new_id("rev")
    LedgerStore(unit).append_many(
        [
            revenue_earned(
                f"{run}:{_day(end)}:{currency}",
                at=end - _INSTANT,
                day=_day(end),
                earned=Money(minor, currency),
            )
            for (end, currency), minor in sorted(days.items())
            if minor
        ]
    )
    return len(due)


def _day(end: datetime) -> str:
    """The day that ended."""
    return (end - DAY).date().isoformat()
