"""Moving schedules on and telling the books: the days of all of them together, a transaction a day and currency."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.invoices.deferred.schedule import DAY, advanced
from billing.invoices.deferred.store import DeferredStore
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.revenue import revenue_earned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.deferred.schedule import Schedule

_INSTANT = timedelta(microseconds=1)


def earn(unit: Unit, schedules: Sequence[Schedule], until: datetime) -> list[Schedule]:
    """Book every day of these locked schedules that has ended by `until`; the answer is the schedules after them, stored."""
    days: defaultdict[tuple[datetime, str], int] = defaultdict(int)
    moved = []
    for schedule in schedules:
        later, steps = advanced(schedule, until)
        moved.append(later)
        for end, earned in steps:
            days[end, earned.currency] += earned.amount_minor
    DeferredStore(unit).save_many(moved)
    run = new_id("rev")
    LedgerStore(unit).append_many(
        [
            revenue_earned(
                f"{run}:{_day(end)}:{currency}", at=end - _INSTANT, day=_day(end), earned=Money(minor, currency)
            )
            for (end, currency), minor in sorted(days.items())
            if minor
        ]
    )
    return moved


def _day(end: datetime) -> str:
    """The day that ended."""
    return (end - DAY).date().isoformat()
