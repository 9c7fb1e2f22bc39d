"""The queries over purchase lines. Bulk writes pass plain dictionaries, bulk reads plain tuples: no object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, select

from billing.db.upsert import insert_new, insert_new_silently
from billing.purchases.tables import PurchaseRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_SMALL_BATCH = 1000


class PurchaseStore:
    """Reads and writes the purchase lines of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def insert(self, rows: Sequence[dict[str, Any]]) -> int:
        """Store the lines whose keys are new; the answer is how many were. Each row holds every column but the tenant.

        The engine tells of each line of a small batch. A large one is faster counted around, which is right for an import on its own.
        """
        if len(rows) <= _SMALL_BATCH:
            return len(insert_new(self._session, PurchaseRow, rows, (PurchaseRow.key,)))
        before = self.count()
        insert_new_silently(self._session, PurchaseRow, rows)
        return self.count() - before

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

    def forget(self, customer_id: str) -> int:
        """Remove a customer's lines; how many."""
        mine = PurchaseRow.customer_id == customer_id
        count = self._session.scalar(select(func.count()).select_from(PurchaseRow).where(mine)) or 0
        self._session.execute(delete(PurchaseRow).where(mine).execution_options(synchronize_session=False))
        return count

    def bounds(self) -> tuple[datetime, datetime] | None:
        """The first and last moment of any purchase, or None when there is none."""
        first, last = self._session.execute(select(func.min(PurchaseRow.at), func.max(PurchaseRow.at))).one()
        return None if first is None else (first, last)

    def orders_between(self, boundaries: Sequence[datetime]) -> list[dict[str, tuple[int, int]]]:
        """(orders, minor units) by currency for each period between two neighbours of `boundaries`, which rise; half-open."""
        last = len(boundaries) - 2
        steps = [(PurchaseRow.at < end, number) for number, end in enumerate(boundaries[1:-1])]
        bucket = (case(*steps, else_=last) if steps else case((PurchaseRow.at >= boundaries[0], last))).label("bucket")
        query = (
            select(
                bucket,
                PurchaseRow.currency,
                func.count(PurchaseRow.basket.distinct()),
                func.sum(PurchaseRow.amount_minor),
            )
            .where(PurchaseRow.at >= boundaries[0], PurchaseRow.at < boundaries[-1])
            .group_by("bucket", PurchaseRow.currency)
        )
        found: list[dict[str, tuple[int, int]]] = [{} for _ in range(last + 1)]
        for number, currency, orders, amount in self._session.execute(query):
            found[number][currency] = (int(orders), int(amount or 0))
        return found

    def bestsellers(self, since: datetime, before: datetime, limit: int) -> list[tuple[str, int]]:
        """(item, how many customers bought it) in [since, before), most first."""
        customers = func.count(PurchaseRow.customer_id.distinct())
        query = select(PurchaseRow.item, customers).where(PurchaseRow.at >= since, PurchaseRow.at < before)
        query = query.group_by(PurchaseRow.item).order_by(customers.desc(), PurchaseRow.item).limit(limit)
        return [(str(item), int(count)) for item, count in self._session.execute(query)]

    def orders_of(self, customer_ids: Iterable[str], before: datetime) -> dict[str, int]:
        """How many orders each of some customers made before an instant; those without any are left out."""
        query = select(PurchaseRow.customer_id, func.count(PurchaseRow.basket.distinct()))
        query = query.where(PurchaseRow.customer_id.in_(sorted(set(customer_ids))), PurchaseRow.at < before)
        rows = self._session.execute(query.group_by(PurchaseRow.customer_id))
        return {str(customer_id): int(orders) for customer_id, orders in rows}

    def order_money(self, currency: str) -> Select[Any]:
        """A part of a query for other stores: `customer_id`, `at`, `spend` (minor units) and `basket` of each line in a currency."""
        row = PurchaseRow
        columns: list[Any] = [row.customer_id, row.at, row.amount_minor.label("spend"), row.basket]
        return select(*columns).where(row.currency == currency)

    def count(self) -> int:
        """How many lines are stored."""
        return self._session.scalar(select(func.count()).select_from(PurchaseRow)) or 0
