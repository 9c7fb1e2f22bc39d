"""Made histories for the features benchmark: a shop with few large and many small customers, and services that are used all day.

Deterministic for a seed. Times are int64 microseconds in UTC over two years from 2022-01-08; some rows arrive up to an hour late.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from features.catalog import views_named
from features.definitions import commerce, usage
from features.view import DAY_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from features.view import View

START_US = 19_000 * DAY_US
SPAN_DAYS = 730
BUSY_DAYS = 90
ITEMS = replace(commerce.ORDERS_30D, column="item")
RFM = (
    "orders_30d",
    "orders_90d",
    "orders_365d",
    "spend_30d_minor",
    "spend_90d_minor",
    "spend_365d_minor",
    "days_since_last_order",
    "days_since_first_order",
    "mean_order_gap_days",
    "distinct_items_365d",
    "basket_value_365d_minor",
    "spend_trend_30d_90d",
    "order_trend_90d_365d",
)


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
    return purchases, asof_of(names.tolist(), [START_US + SPAN_DAYS * DAY_US])


def asof_of(customers: Sequence[str], moments: Sequence[int]) -> pa.Table:
    """Every customer at every moment."""
    names = pa.array(np.tile(np.asarray(customers), len(moments)), pa.string())
    return pa.table({"customer": names, "as_of_us": np.repeat(np.asarray(moments, dtype=np.int64), len(customers))})


def asof_twice(customers: int) -> pa.Table:
    """Every customer of a shop at two midnights, half a year apart."""
    names = np.char.add("cus_", np.arange(customers).astype(str)).tolist()
    end_us = START_US + SPAN_DAYS * DAY_US
    return asof_of(names, [end_us - 182 * DAY_US, end_us])


def rfm_views() -> tuple[View, ...]:
    """The thirteen features of recency, frequency and monetary value that churn is learned from."""
    return views_named(RFM)


def shop_views() -> tuple[View, ...]:
    """Twenty-two views: the commerce definitions, and orders, spend and distinct items of three more windows."""
    more = tuple(
        replace(view, name=f"{what}_{days}d_more", window_days=days)
        for days in (7, 60, 180)
        for what, view in (("orders", commerce.ORDERS_30D), ("spend", commerce.SPEND_30D), ("items", ITEMS))
    )
    return (*commerce.VIEWS, *more)


def busy(events: int, customers: int, seed: int = 2) -> tuple[pa.Table, pa.Table]:
    """Usage of services that are called all day for ninety days, and an as-of for each customer at each of the last 30 midnights."""
    rng = np.random.default_rng(seed)
    who = np.minimum(rng.exponential(customers / 4, events).astype(np.int64), customers - 1)
    at_us = START_US + np.sort(rng.integers(0, BUSY_DAYS * DAY_US, events))
    names = np.char.add("cus_", np.arange(customers).astype(str))
    used = pa.table(
        {
            "customer": names[who],
            "meter": np.char.add("meter_", rng.integers(0, 5, events).astype(str)),
            "at_us": at_us,
            "received_us": at_us + rng.integers(0, 3600, events) * 1_000_000,
            "quantity_micro": rng.integers(1, 5_000_000, events),
            "id": np.char.add("u", np.arange(events).astype(str)),
        }
    )
    midnights = [START_US + (BUSY_DAYS - day) * DAY_US for day in range(30)]
    return used, asof_of(names.tolist(), midnights)


def usage_views() -> tuple[View, ...]:
    """The catalogue's views over usage."""
    return usage.VIEWS
