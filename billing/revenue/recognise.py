"""Recognising revenue: every day that has ended, for every line that was invoiced in advance, into the books.

The days of a thousand lines are booked together, one transaction a day and currency, so that the books grow with days and not with
customers; what of them is which line's is the schedule's answer (`billing.invoices.deferred`). Lines are locked, moved on and booked in one
transaction: a run that is killed has booked a line's day or has not, and any number of workers may run at once.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from billing.invoices.deferred.book import earn
from billing.invoices.deferred.store import DeferredStore
from billing.kernel.clock import utc

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit

BATCH = 1_000


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
    return len(earn(unit, DeferredStore(unit).lock_due(last, limit=BATCH), last))
