"""Monthly recurring revenue beside the books: what a month recognised of what recurs, and how far that is from the month's average.

The two are different questions and never quite agree: the average counts list prices by time, the books what was invoiced, with coupons,
changes and shared-out periods. The difference is stated so that it can be explained. Months are of UTC, as the books' days are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.db.session import Unit
    from billing.revenue.mrr.report import MrrWindow

_FACT = "revenue_earned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A window with what its days recognised of what was invoiced in advance; `difference` is that less the window's average.

    Both are amounts of a whole month only where the window is one.
    """

    window: MrrWindow
    recognised: Money

    @property
    def difference(self) -> Money:
        """Recognised less average."""
        return self.recognised - self.window.average


def reconcile(unit: Unit, rows: Sequence[MrrWindow]) -> list[Reconciled]:
    """Each of these windows beside the books."""
    if not rows:
        return []
    days = LedgerStore(unit).by_day(
        since=min(row.period.start for row in rows),
        until=max(row.period.end for row in rows),
        accounts=(Account.REVENUE,),
        fact=_FACT,
    )
    earned = [(datetime.combine(day.day, time(), tzinfo=UTC), day.currency, -day.minor) for day in days]
    return [
        Reconciled(
            window=row,
            recognised=Money(
                sum(minor for at, currency, minor in earned if currency == row.currency and at in row.period),
                row.currency,
            ),
        )
        for row in rows
    ]
