"""The queries over purchase lines. Bulk writes pass plain dictionaries, bulk reads plain tuples: no object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from billing.db.upsert import insert_new
from billing.purchases.tables import PurchaseRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from billing.db.session import Unit


class PurchaseStore:
    """Reads and writes the purchase lines of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def insert(self, rows: Sequence[dict[str, Any]]) -> int:
        """Store the lines whose keys are new; the answer is how many were. Each row holds every column but the tenant."""
        return len(insert_new(self._session, PurchaseRow, rows, (PurchaseRow.key,)))

    def lines_before(self, moment: datetime, customer_id: str | None = None) -> Iterator[tuple[Any, ...]]:
        """(customer id, item, basket, at, received at, quantity, amount minor, key) of lines before `moment`, oldest first."""
        query = (
            select(
                PurchaseRow.customer_id,
                PurchaseRow.item,
                PurchaseRow.basket,
                PurchaseRow.at,
                PurchaseRow.received_at,
                PurchaseRow.quantity,
                PurchaseRow.amount_minor,
                PurchaseRow.key,
            )
            .where(PurchaseRow.at < moment)
            .order_by(PurchaseRow.at, PurchaseRow.key)
        )
        if customer_id is not None:
            query = query.where(PurchaseRow.customer_id == customer_id)
        for row in self._session.execute(query.execution_options(yield_per=20_000)):
            yield tuple(row)

    def bounds(self) -> tuple[datetime, datetime] | None:
        """The first and last moment of any purchase, or None when there is none."""
        first, last = self._session.execute(select(func.min(PurchaseRow.at), func.max(PurchaseRow.at))).one()
        return None if first is None else (first, last)

    def count(self) -> int:
        """How many lines are stored."""
        return self._session.scalar(select(func.count()).select_from(PurchaseRow)) or 0
