"""From stored rows to the columns that feature views read: one reading of each row, for one customer online and for all in bulk.

Times become int64 microseconds in UTC, usage quantities millionths; an event without a quantity counts as one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.metering.aggregate import number_of
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from features.erased.store import ErasureStore
from features.view import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**50  # a thousand million units: beyond it an event is a mistake, and sums of many must still fit

COLUMNS: dict[Source, tuple[str, ...]] = {
    Source.PURCHASES: ("customer", "item", "basket", "at_us", "received_us", "quantity", "amount_minor", "id"),
    Source.USAGE: ("customer", "meter", "at_us", "received_us", "quantity_micro", "id"),
    Source.SUBSCRIPTIONS: (
        "customer",
        "kind",
        "plan",
        "plan_rank",
        "mrr_minor",
        "reason",
        "at_us",
        "received_us",
        "id",
    ),
}


def microseconds(moment: datetime) -> int:
    """An instant as whole microseconds since 1970, exactly.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    return (moment - _EPOCH) // _MICROSECOND


def instant_of(at_us: int) -> datetime:
    """The instant that a number of microseconds stands for."""
    return _EPOCH + timedelta(microseconds=at_us)


def rows_before(
    unit: Unit, source: Source, moment: datetime, customer_id: str | None = None
) -> Iterator[tuple[Any, ...]]:
    """A source's rows before a moment, as tuples in the order of `COLUMNS`, of one customer or all; of nobody who was erased."""
    store = ErasureStore(unit)
    if customer_id is not None:
        return iter(()) if store.has(customer_id) else _rows_before(unit, source, moment, customer_id)
    erased = store.ids()
    rows = _rows_before(unit, source, moment, None)
    return (row for row in rows if row[0] not in erased) if erased else rows


def _rows_before(unit: Unit, source: Source, moment: datetime, customer_id: str | None) -> Iterator[tuple[Any, ...]]:
    if source is Source.PURCHASES:
        for customer, item, basket, at, received, quantity, amount, key in PurchaseStore(unit).lines_before(
            moment, customer_id
        ):
            yield customer, item, basket, microseconds(at), microseconds(received), quantity, amount, key
    elif source is Source.USAGE:
        for customer, kind, at, received, data, origin, event_id in EventStore(unit).rows_before(moment, customer_id):
            used = _micro(data.get("quantity"))
            yield customer, kind, microseconds(at), microseconds(received), used, f"{origin}\x1f{event_id}"
    else:
        for customer, kind, plan, rank, mrr, at, received, step, reason in HistoryStore(unit).history_before(
            moment, customer_id
        ):
            yield customer, kind, plan, rank, mrr, reason or "", microseconds(at), microseconds(received), step


def rows_of_customer(unit: Unit, customer_id: str, moment: datetime) -> dict[Source, list[dict[str, Any]]]:
    """Every source's rows of one customer, as the fold engine reads them; none of who was erased."""
    if ErasureStore(unit).has(customer_id):
        return {source: [] for source in Source}
    found = {source: _rows_before(unit, source, moment, customer_id) for source in Source}
    return {source: [dict(zip(COLUMNS[source], row, strict=True)) for row in rows] for source, rows in found.items()}


def _micro(value: object) -> int:
    number = number_of(value)
    if number is None:
        return 1_000_000
    scaled = int(number.scaleb(6).to_integral_value())
    return max(-_LARGEST, min(_LARGEST, scaled))
