"""Reading how monthly recurring revenue moved: one pass over the history of subscriptions, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.metering.windows import Window, windows
from billing.revenue.mrr.movement import Move, Step, movements
from billing.revenue.mrr.report import MrrWindow, over
from billing.subscriptions.history_store import HistoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from billing.db.session import Unit
    from billing.kernel.period import Period


def read_moves(unit: Unit, before: datetime | None = None) -> Iterator[Move]:
    """Every movement before an instant (None: all that is written), customer by customer."""
    return movements(
        Step(customer=customer, currency=currency, subscription=subscription, at=at, minor=minor)
        for customer, currency, subscription, at, minor in HistoryStore(unit).by_customer(before)
    )


def mrr_report(unit: Unit, period: Period, window: Window, *, zone: str) -> list[MrrWindow]:
    """The movements of a period by days or months on the wall of a zone, by currency; at most a thousand windows.

    Raises TooManyWindowsError for more.
    """
    return over(read_moves(unit, period.end), windows(period, window, zone))
