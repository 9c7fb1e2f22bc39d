"""What is known of items as of a moment, whoever asks: how popular, how fast rising, how old, how dear, how often taken again.

One row an item, one column a name in `ITEM_NAMES`, float32. Counts are of customers (by the last time each took the item) unless said;
days are of 24 hours. Everything comes from rows strictly before the moment. What is not known of an item (its price) is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.recommender.interactions import DAY_US, Floats, Interactions, decay
from models.recommender.trend import TrendConfig, trend_lift

if TYPE_CHECKING:
    from numpy.typing import NDArray

POPULAR_DAYS = (3, 7, 14, 30, 90)
ITEM_NAMES = (
    *(f"popular_{days}d" for days in POPULAR_DAYS),
    "popular_ever",
    "popular_fading",
    "rise_7d",
    "rise_30d",
    "rise_7d_of_30d",
    "lift_7d",
    "lift_30d",
    "pace_per_day",
    "age_days",
    "idle_days",
    "log_price",
    "price_change_14d",
    "repeat_share",
    "repeat_gap_days",
    "log_basket_size",
    "log_quantity",
)
LIFT = ITEM_NAMES.index("lift_7d")
_FADING_DAYS = 20.0
_PRICE_DAYS = 14
_YOUNGEST_DAYS = 7.0  # a pace over less than a week is noise


def item_side(past: Interactions, as_of_us: int) -> NDArray[np.float32]:
    """Shape (items, len(ITEM_NAMES)), from a past that ends before the moment."""
    _, col, at_us = past.latest()
    items = past.items.size
    ages = (as_of_us - at_us) / DAY_US

    def popular(days: float, lag: float = 0.0) -> Floats:
        chosen = (ages <= days + lag) & (ages > lag)
        return np.bincount(col[chosen], minlength=items).astype(np.float64)

    counts = {days: popular(days) for days in POPULAR_DAYS}
    ever = np.bincount(col, minlength=items).astype(np.float64)
    first, last = _ends(past, as_of_us)
    age, idle = (as_of_us - first) / DAY_US, (as_of_us - last) / DAY_US
    usual = _mean_log_price(past)
    columns = [
        *counts.values(),
        ever,
        np.bincount(col, decay(as_of_us - at_us, _FADING_DAYS), minlength=items),
        (counts[7] + 1) / (popular(7, 7) + 1),
        (counts[30] + 1) / (popular(30, 30) + 1),
        (counts[7] * (30 / 7) + 2) / (counts[30] + 2),
        trend_lift(past, as_of_us, TrendConfig()),
        trend_lift(past, as_of_us, TrendConfig(half_life_days=30.0)),
        ever / np.maximum(age, _YOUNGEST_DAYS),
        age,
        idle,
        usual,
        _mean_log_price(past.between(as_of_us - _PRICE_DAYS * DAY_US, as_of_us)) - usual,
        *_habits(past),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _ends(past: Interactions, as_of_us: int) -> tuple[Floats, Floats]:
    """The first and the last moment each item was taken; the moment itself for one never taken."""
    first = np.full(past.items.size, as_of_us, dtype=np.float64)
    np.minimum.at(first, past.col, past.at_us.astype(np.float64))
    last = np.full(past.items.size, -np.inf)
    np.maximum.at(last, past.col, past.at_us.astype(np.float64))
    return first, np.where(np.isfinite(last), last, float(as_of_us))


def _mean_log_price(past: Interactions) -> Floats:
    if past.price is None:
        return np.full(past.items.size, np.nan)
    priced = np.isfinite(past.price) & (past.price > 0)
    col = past.col[priced]
    lines = np.bincount(col, minlength=past.items.size)
    total = np.bincount(col, np.log(past.price[priced]), minlength=past.items.size)
    mean: Floats = np.where(lines > 0, total / np.maximum(lines, 1), np.nan)
    return mean


def _habits(past: Interactions) -> tuple[Floats, Floats, Floats, Floats]:
    """The share of buyers who came back for it, after how many days on average, and the usual size of its baskets and quantity, in logs."""
    items = past.items.size
    basket, row, col, at_us = past.per_basket()
    _, place = np.unique(basket, return_inverse=True)
    size = np.log(np.bincount(place))
    in_baskets = np.maximum(np.bincount(col, minlength=items), 1)
    pair, place_of, times = np.unique(row.astype(np.int64) * items + col, return_inverse=True, return_counts=True)
    first, last = np.full(pair.size, np.inf), np.full(pair.size, -np.inf)
    np.minimum.at(first, place_of, at_us / DAY_US)
    np.maximum.at(last, place_of, at_us / DAY_US)
    gaps = np.bincount(pair % items, times - 1, minlength=items)
    days = np.bincount(pair % items, last - first, minlength=items)
    buyers = np.maximum(np.bincount(pair % items, minlength=items), 1)
    again = np.bincount(pair[times > 1] % items, minlength=items)
    lines = np.maximum(np.bincount(past.col, minlength=items), 1)
    quantity = np.bincount(past.col, np.log1p(np.maximum(past.quantity, 0.0)), minlength=items)
    gap = np.where(gaps > 0, days / np.maximum(gaps, 1), np.nan)
    return again / buyers, gap, np.bincount(col, size[place], minlength=items) / in_baskets, quantity / lines
