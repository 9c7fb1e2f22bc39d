"""The queries over chosen boxes and what subscribers did about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from billing.kernel.page import Page, decode_cursor, encode_cursor
from features.boxes.chosen.box import RATINGS, Box, BoxNotFoundError, Did, content_from
from features.boxes.chosen.tables import BoxActRow, BoxRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_BATCH = 5_000


class BoxStore:
    """Reads and writes the boxes of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add_many(self, boxes: Sequence[Box]) -> None:
        """New boxes; a second one of a subscriber and period is a conflict."""
        for start in range(0, len(boxes), _BATCH):
            self._session.execute(insert(BoxRow), [_columns(box) for box in boxes[start : start + _BATCH]])

    def save(self, box: Box) -> None:
        """What is in a box after an exchange."""
        row = self._session.scalars(_of(box.period, box.customer_id)).one()
        row.contents = [each.to_document() for each in box.contents]
        self._session.flush()

    def get(self, period: str, customer_id: str) -> Box:
        """One box, to read."""
        return self._one(_of(period, customer_id), period)

    def lock(self, period: str, customer_id: str) -> Box:
        """One box as it is now, to change: others wait until this unit of work ends."""
        query = _of(period, customer_id).with_for_update().execution_options(populate_existing=True)
        return self._one(query, period)

    def _one(self, query: Select[BoxRow], period: str) -> Box:
        row = self._session.scalar(query)
        if row is None:
            raise BoxNotFoundError(f"there is no box of the period {period[:60]!r} for this customer", period=period)
        return _box(row)

    def of_customer(self, customer_id: str) -> list[Box]:
        """Every box of a customer, the last one chosen first."""
        query = select(BoxRow).where(BoxRow.customer_id == customer_id)
        return [_box(row) for row in self._session.scalars(query.order_by(BoxRow.chosen_at.desc(), BoxRow.period))]

    def owners(self, period: str) -> set[str]:
        """Who has a box of a period, by customer id."""
        return set(self._session.scalars(select(BoxRow.customer_id).where(BoxRow.period == period)))

    def contents_since(self, since: datetime) -> Iterator[tuple[str, str, datetime, list[str]]]:
        """(customer id, period, chosen at, items) of boxes chosen at or after an instant, oldest first."""
        query = (
            select(BoxRow.customer_id, BoxRow.period, BoxRow.chosen_at, BoxRow.contents)
            .where(BoxRow.chosen_at >= since)
            .order_by(BoxRow.chosen_at, BoxRow.period, BoxRow.customer_id)
        )
        for customer, period, chosen_at, contents in self._session.execute(query.execution_options(yield_per=_BATCH)):
            yield customer, period, chosen_at, [each["item"] for each in contents]

    def page(self, period: str, *, limit: int, cursor: str | None = None) -> Page[Box]:
        """The boxes of a period, in order of customer id."""
        query = select(BoxRow).where(BoxRow.period == period).order_by(BoxRow.customer_id).limit(limit + 1)
        if cursor is not None:
            query = query.where(BoxRow.customer_id > decode_cursor(cursor))
        found = [_box(row) for row in self._session.scalars(query)]
        more = len(found) > limit
        return Page(tuple(found[:limit]), encode_cursor(found[limit - 1].customer_id) if more else None)

    def each(self, period: str) -> Iterator[Box]:
        """Every box of a period, in order of customer id, read as they come."""
        query = select(BoxRow).where(BoxRow.period == period).order_by(BoxRow.customer_id)
        for row in self._session.scalars(query.execution_options(yield_per=_BATCH)):
            yield _box(row)

    def shorts(self, period: str) -> dict[str, int]:
        """How many boxes of a period lack something, by why; "" counts those that lack nothing."""
        query = select(BoxRow.short_why, func.count()).where(BoxRow.period == period).group_by(BoxRow.short_why)
        return {why: int(count) for why, count in self._session.execute(query)}

    def totals(self, period: str) -> tuple[int, int]:
        """(how many boxes a period has, what their subscribers pay for them in minor units)."""
        query = select(func.count(), func.coalesce(func.sum(BoxRow.price_minor), 0)).where(BoxRow.period == period)
        count, price = self._session.execute(query).one()
        return int(count), int(price)

    def forget(self, customer_id: str) -> int:
        """Remove a customer's boxes; how many."""
        found = self._session.execute(delete(BoxRow).where(BoxRow.customer_id == customer_id).returning(BoxRow.period))
        return len(found.all())


class ActStore:
    """Reads and writes what the subscribers of one tenant did about their boxes."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def put(self, did: Did) -> None:
        """What was done, in place of what was done in the same way to the same item of the same box."""
        kind = "rating" if did.act in RATINGS else "swap"
        mine = (BoxActRow.customer_id == did.customer_id, BoxActRow.period == did.period, BoxActRow.item == did.item)
        row = self._session.scalar(select(BoxActRow).where(*mine, BoxActRow.kind == kind))
        if row is None:
            row = BoxActRow(customer_id=did.customer_id, period=did.period, item=did.item, kind=kind)
            self._session.add(row)
        row.act, row.comment, row.at = did.act, did.comment, did.at
        self._session.flush()

    def since(self, moment: datetime, customers: Collection[str] | None = None) -> Iterator[Did]:
        """What was done at or after an instant, by everybody or by these customers, oldest first."""
        query = select(BoxActRow).where(BoxActRow.at >= moment)
        if customers is not None:
            query = query.where(BoxActRow.customer_id.in_(sorted(customers)))
        query = query.order_by(BoxActRow.at, BoxActRow.customer_id, BoxActRow.item)
        for row in self._session.scalars(query.execution_options(yield_per=_BATCH)):
            yield Did(
                customer_id=row.customer_id,
                period=row.period,
                item=row.item,
                act=row.act,
                at=row.at,
                comment=row.comment,
            )

    def forget(self, customer_id: str) -> int:
        """Remove what a customer did; how many acts."""
        found = self._session.execute(
            delete(BoxActRow).where(BoxActRow.customer_id == customer_id).returning(BoxActRow.item)
        )
        return len(found.all())


def _of(period: str, customer_id: str) -> Select[BoxRow]:
    return select(BoxRow).where(BoxRow.period == period, BoxRow.customer_id == customer_id)


def _columns(box: Box) -> dict[str, Any]:
    return {
        "period": box.period,
        "customer_id": box.customer_id,
        "plan_key": box.plan_key,
        "slots": box.slots,
        "price_minor": box.price_minor,
        "budget_minor": box.budget_minor,
        "contents": [each.to_document() for each in box.contents],
        "short_why": box.short_why,
        "chosen_at": box.chosen_at,
    }


def _box(row: BoxRow) -> Box:
    return Box(
        period=row.period,
        customer_id=row.customer_id,
        plan_key=row.plan_key,
        slots=row.slots,
        price_minor=row.price_minor,
        budget_minor=row.budget_minor,
        contents=tuple(content_from(each) for each in row.contents),
        short_why=row.short_why,
        chosen_at=row.chosen_at,
    )
