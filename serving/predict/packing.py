"""What goes into whose box, as the lines of a CSV file, read a few boxes at a time."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from features.boxes.chosen.store import BoxStore
from features.boxes.store import ShelfStore
from features.exports.formats import tame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.db.scope import Scope
    from billing.db.session import Database

_BATCH = 500
_HEAD = ("customer", "plan", "item", "name")


def packing_lines(database: Database, scope: Scope, period: str) -> Iterator[str]:
    """The text of the file in parts: a line an item, by customer; cells that a spreadsheet would run are tamed.

    Raises PeriodNotFoundError before the first part.
    """
    with database.view(scope) as unit:
        ShelfStore(unit).get(period)
        names = {item.item: item.name for item in ShelfStore(unit).items(period)}
    return _lines(database, scope, period, names)


def _lines(database: Database, scope: Scope, period: str, names: dict[str, str]) -> Iterator[str]:
    yield _csv([_HEAD])
    cursor: str | None = None
    while True:
        with database.view(scope) as unit:
            found = BoxStore(unit).page(period, limit=_BATCH, cursor=cursor)
            owners = CustomerStore(unit).by_ids(box.customer_id for box in found.items)
        yield _csv(
            (owners[box.customer_id].key, box.plan_key, item, names[item]) for box in found.items for item in box.items
        )
        cursor = found.next_cursor
        if cursor is None:
            return


def _csv(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([tame(cell) for cell in row] for row in rows)
    return text.getvalue()
