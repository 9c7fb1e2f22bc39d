"""A simulated shop as the history that jobs read, without a database: what the shop would know at the end, and nothing of its truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from features.source_tables import source_schema
from features.view import Source
from training.history import History
from training.simulate.membership import EVENT_KINDS, EVENT_PLANS
from training.simulate.shop import METERS
from training.simulate.spec import PLANS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.simulate.shop import SimulatedShop

MRR_MINOR: Final = (900, 1900, 4900)
"""What the plans bring a month, by rank."""
_UNIT: Final = 1_000_000


def history_of(shop: SimulatedShop, customers: Sequence[str] | None = None) -> History:
    """Every source of a shop; `customers` names the members otherwise than by their keys, in their order."""
    names = np.asarray(customers if customers is not None else shop.customers.key, dtype=object)
    tables = {Source.PURCHASES: _purchases(shop, names), Source.USAGE: _usage(shop, names)}
    return History(tables | {Source.SUBSCRIPTIONS: _subscriptions(shop, names)}, shop.spec.end_us)


def _purchases(shop: SimulatedShop, names: NDArray[Any]) -> pa.Table:
    lines = shop.purchases
    keys = np.asarray(shop.products.key, dtype=object)
    baskets = [f"b{number}" for number in lines.basket.tolist()]
    return _table(
        Source.PURCHASES,
        customer=names[lines.customer],
        at_us=lines.at_us,
        received_us=lines.at_us,
        id=[f"{basket}:{item}" for basket, item in zip(baskets, keys[lines.item].tolist(), strict=True)],
        item=keys[lines.item],
        basket=baskets,
        quantity=lines.quantity,
        amount_minor=lines.amount_minor,
    )


def _usage(shop: SimulatedShop, names: NDArray[Any]) -> pa.Table:
    events = shop.usage
    return _table(
        Source.USAGE,
        customer=names[events.customer],
        at_us=events.at_us,
        received_us=events.at_us,
        id=[f"u{number}" for number in range(events.at_us.size)],
        meter=np.asarray(METERS, dtype=object)[events.meter],
        quantity_micro=np.full(events.at_us.size, _UNIT, dtype=np.int64),
    )


def _subscriptions(shop: SimulatedShop, names: NDArray[Any]) -> pa.Table:
    """Steps of the plan; the add-on is another subscription and left out, as everywhere."""
    events = shop.subscriptions
    rows = np.flatnonzero(events.plan < len(PLANS))
    kinds = np.asarray([*EVENT_KINDS[:2], "ended"], dtype=object)[events.kind[rows]]
    ended = kinds == "ended"
    return _table(
        Source.SUBSCRIPTIONS,
        customer=names[events.customer[rows]],
        at_us=events.at_us[rows],
        received_us=events.at_us[rows],
        id=[f"s{number}" for number in rows.tolist()],
        kind=kinds,
        plan=np.asarray(EVENT_PLANS, dtype=object)[events.plan[rows]],
        plan_rank=events.plan[rows],
        mrr_minor=np.where(ended, 0, np.asarray(MRR_MINOR, dtype=np.int64)[events.plan[rows]]),
        reason=np.where(ended, "voluntary", "").astype(object),
    )


def _table(source: Source, **columns: Any) -> pa.Table:
    schema = source_schema(source)
    arrays = [pa.array(list(columns[field.name]), field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
