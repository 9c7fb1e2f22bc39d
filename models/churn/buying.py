"""What a customer's orders say about whether another will come: rhythm, cadence, spend and breadth as of a moment, in one table.

Columns compare a customer with themselves (how long this silence is against their usual and longest pause, what they buy now against
before), since what only counts how long the shop has been open means something else at every moment. Windows are parts and multiples of the
horizon. The closed form of repeat buying (BG/NBD, fitted to the same past) stands beside them as columns of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.tabular.labels import DAY_US, require_equal_length
from models.tabular.silence import silence_probability
from models.tabular.table import FeatureTable
from models.value.bgnbd import fit_bgnbd
from models.value.nbd import weak_nbd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.labels import Longs
    from models.tabular.table import Floats

FEWEST_REPEATERS = 30
USUAL_RATE = 1 / 60
_RECENCY = "days_from_first_to_last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Orders by customer and moment. `customer` is a place in `names`; the pairs (`item_order`, `item`) say what was in them."""

    names: NDArray[Any]
    customer: Longs
    at_us: Longs
    amount_minor: Longs
    lines: Longs
    item_order: Longs
    item: Longs

    def __post_init__(self) -> None:
        require_equal_length(customer=self.customer, at_us=self.at_us, amount_minor=self.amount_minor, lines=self.lines)

    def __len__(self) -> int:
        return int(self.customer.size)


def buying_features(orders: Orders, as_of_us: int, *, horizon_days: int) -> tuple[Longs, FeatureTable]:
    """The customers with an order strictly before the moment, and a row for each; days and minor units throughout."""
    past = orders.at_us < as_of_us
    who, code = np.unique(orders.customer[past], return_inverse=True)
    days_ago = (as_of_us - orders.at_us[past]) / DAY_US
    amount = orders.amount_minor[past].astype(np.float64)
    rhythm = _rhythm(code, who.size, orders.at_us[past], as_of_us)
    columns: dict[str, Floats] = {name: values for name, values in rhythm.items() if name != _RECENCY}
    columns |= _process(rhythm, horizon_days)
    number = np.bincount(code, minlength=who.size).astype(np.float64)
    spend = np.bincount(code, weights=amount, minlength=who.size)
    last = np.cumsum(number).astype(np.int64) - 1
    columns |= {
        "orders": number,
        "basket_value": spend / number,
        "basket_lines": np.bincount(code, weights=orders.lines[past], minlength=who.size) / number,
        "last_basket_value": amount[last],
        "last_basket_lines": orders.lines[past][last].astype(np.float64),
        "items": _items(orders, past, who),
        "spend_a_day": spend / np.maximum(columns["days_since_first_order"], horizon_days / 3),
    }
    for share, name in ((1 / 3, "third"), (2 / 3, "two_thirds"), (1.0, "whole"), (2.0, "double")):
        late = days_ago <= share * horizon_days
        counted = np.bincount(code[late], minlength=who.size).astype(np.float64)
        columns[f"orders_{name}"] = counted
        columns[f"spend_{name}"] = np.bincount(code[late], weights=amount[late], minlength=who.size).astype(np.float64)
        columns[f"share_of_orders_{name}"] = counted / number
    columns["spend_trend"] = columns["spend_whole"] / np.maximum(columns["spend_double"], 1.0)
    del columns["days_since_first_order"]
    return who, FeatureTable.from_columns(columns)


def _rhythm(code: Longs, customers: int, at_us: Longs, as_of_us: int) -> dict[str, Floats]:
    """Pauses between order days, and the present silence against them; NaN where a customer has not ordered on two days."""
    day = at_us // DAY_US
    keep = np.ones(code.size, dtype=np.bool_)
    keep[1:] = (code[1:] != code[:-1]) | (day[1:] != day[:-1])
    who, days = code[keep], day[keep].astype(np.float64)
    count = np.bincount(who, minlength=customers).astype(np.float64)
    end = np.cumsum(count).astype(np.int64) - 1
    begin = end - count.astype(np.int64) + 1
    same = who[1:] == who[:-1]
    pause, owner = np.diff(days)[same], who[1:][same]
    total = np.bincount(owner, weights=pause, minlength=customers)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 1, total / (count - 1), np.nan)
        square = np.bincount(owner, weights=(pause - mean[owner]) ** 2, minlength=customers)
        spread = np.where(count > 2, np.sqrt(square / (count - 2)), np.nan)
    longest = np.full(customers, -np.inf)
    np.maximum.at(longest, owner, pause)
    longest = np.where(count > 1, longest, np.nan)
    newest = np.full(customers, np.nan)
    newest[who[1:][same]] = pause
    moment = as_of_us / DAY_US
    silence = moment - np.maximum.reduceat(at_us, begin_rows(code)) / DAY_US
    age = moment - np.minimum.reduceat(at_us, begin_rows(code)) / DAY_US
    return {
        "days_since_last_order": silence,
        "days_since_first_order": age,
        "order_days": count,
        "mean_pause": mean,
        "pause_spread": spread,
        "longest_pause": longest,
        "last_pause": newest,
        "silence_to_mean_pause": silence / np.maximum(mean, 1.0),
        "silence_to_longest_pause": silence / np.maximum(longest, 1.0),
        "silence_to_age": silence / np.maximum(age, 1.0),
        "order_rate": (count - 1) / np.maximum(age, 7.0),
        _RECENCY: days[end] - days[begin],
    }


def begin_rows(code: Longs) -> Longs:
    """Where each customer's rows begin in a sorted column."""
    return np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]])).astype(np.int64) if code.size else code


def _process(rhythm: dict[str, Floats], horizon_days: int) -> dict[str, Floats]:
    """The closed form's view of the rhythm."""
    repeats, recency = rhythm["order_days"] - 1, rhythm[_RECENCY]
    age = np.maximum(np.floor(rhythm["days_since_first_order"]), recency)
    known = age > 0
    enough = int((repeats[known] > 0).sum()) >= FEWEST_REPEATERS
    if enough:
        fitted = fit_bgnbd(repeats[known], recency[known], age[known])
        r, alpha, a, b = fitted.r, fitted.alpha, fitted.a, fitted.b
    else:
        weak = weak_nbd(repeats, age, prior_rate=USUAL_RATE)
        r, alpha, a, b = weak.r, weak.alpha, 1e-6, 1.0
    silent = silence_probability(repeats, recency, age, r, alpha, a, b, float(horizon_days))
    return {"closed_form_silence": silent, "closed_form_rate": (r + repeats) / (alpha + age)}


def _items(orders: Orders, past: NDArray[np.bool_], who: Longs) -> Floats:
    """How many different items each customer has ever ordered before the moment."""
    seen = past[orders.item_order]
    pairs = np.unique(np.column_stack([orders.customer[orders.item_order[seen]], orders.item[seen]]), axis=0)
    return np.bincount(np.searchsorted(who, pairs[:, 0]), minlength=who.size).astype(np.float64)
