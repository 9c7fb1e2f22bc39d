"""Prints how long the engines take: `python -m tests.features.measure_engines` (a million purchases), or with a smaller count.

Skewed histories over two years, every shop view, one as-of per customer; processor seconds of one thread, tables already in memory.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from features.definitions import commerce
from features.duckdb_engine import DuckDBEngine
from features.fold_tables import FoldEngine
from features.view import DAY_US, Source

if TYPE_CHECKING:
    from features.engine import FeatureEngine
    from features.view import View

START_US = 19_000 * DAY_US
SPAN_DAYS = 730
ITEMS = replace(commerce.ORDERS_30D, column="item")


def shop(events: int, customers: int, seed: int = 1) -> tuple[pa.Table, pa.Table]:
    """Purchases of a shop with many small and few large customers, and an as-of for each customer at the end."""
    rng = np.random.default_rng(seed)
    who = np.minimum(rng.exponential(customers / 4, events).astype(np.int64), customers - 1)
    at_us = START_US + np.sort(rng.integers(0, SPAN_DAYS * DAY_US, events))
    names = np.char.add("cus_", np.arange(customers).astype(str))
    purchases = pa.table(
        {
            "customer": names[who],
            "item": np.char.add("item_", rng.integers(0, 3000, events).astype(str)),
            "basket": np.char.add("b", (np.arange(events) // 3).astype(str)),
            "at_us": at_us,
            "received_us": at_us + rng.integers(0, 3600, events) * 1_000_000,
            "quantity": rng.integers(1, 5, events),
            "amount_minor": rng.integers(100, 9000, events),
            "id": np.char.add("p", np.arange(events).astype(str)),
        }
    )
    asof = pa.table({"customer": names, "as_of_us": np.full(customers, START_US + SPAN_DAYS * DAY_US)})
    return purchases, asof


def shop_views() -> tuple[View, ...]:
    """Twenty-two views: the commerce definitions, and orders, spend and distinct items of three more windows."""
    more = tuple(
        replace(view, name=f"{what}_{days}d_more", window_days=days)
        for days in (7, 60, 180)
        for what, view in (("orders", commerce.ORDERS_30D), ("spend", commerce.SPEND_30D), ("items", ITEMS))
    )
    return (*commerce.VIEWS, *more)


def processor_seconds(engine: FeatureEngine, purchases: pa.Table, asof: pa.Table) -> float:
    """The processor time of one computation of the shop's views."""
    start = time.process_time()
    engine.compute(shop_views(), {Source.PURCHASES: purchases}, asof)
    return time.process_time() - start


def main() -> None:
    """Measure both engines; the fold on a fiftieth of the customers' as-ofs."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    purchases, asof = shop(events, events // 20)
    views = len(shop_views())
    for name, engine, asked in (
        ("duckdb", DuckDBEngine(), asof),
        ("fold", FoldEngine(), asof.slice(0, len(asof) // 50)),
    ):
        seconds = processor_seconds(engine, purchases, asked)
        sys.stdout.write(f"{name:8} {events:>10,} rows {len(asked):>8,} as-ofs {views} views {seconds:8.2f} s\n")


if __name__ == "__main__":
    main()
