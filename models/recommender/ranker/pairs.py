"""Which items are worth ordering for a customer, and the features of each such pair: one function for training and serving.

Candidates are the union of the best of every relation and of what sells now, and what the customer owned where repeats may be shown;
masked items are none. Features are float32, `FEATURES` names them, `GROUPS` says what each speaks of. Places and shares are within the
customer's own candidates. Pairs come ordered by customer, then item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.ranker.item_side import ITEM_NAMES
from models.recommender.ranker.reading import CUSTOMER, OWN, SCORES, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.recommender.interactions import Flags, Longs
    from models.recommender.ranker.knowledge import Knowledge

    Narrow = NDArray[np.float32]

_PLACED = ("fading", "trended", "steady", "last_basket", "baskets", "factors", "names", "last_names")
_SHARED = ("fading", "trended", "last_basket", "baskets", "factors")
_GOOD = 20
_MOST_SHARE = 20.0
_FADED, _LONG, _IDLE, _GAP = (
    OWN.index(name) for name in ("own_fading_60d", "own_fading_240d", "own_idle_days", "own_gap_days")
)
_REPEAT_WEIGHT = 2.0  # of the blend, as its default
OWNED_BUDGET = 150


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many candidates each relation may name, and how many of what sells now (the names are those of scores and of item columns)."""

    scores: Mapping[str, int]
    selling: Mapping[str, int]


FOR_CUSTOMERS = Budgets(
    {"trended": 150, "baskets": 90, "factors": 50, "names": 40}, {"popular_7d": 50, "popular_30d": 50}
)
FOR_BASKETS = Budgets(
    {"last_basket": 120, "baskets": 40, "trended": 40, "factors": 20, "last_names": 40}, {"popular_7d": 20}
)
_COLUMN = {name: place for place, name in enumerate(ITEM_NAMES)}
_CROSS = (
    "price_to_usual",
    "popular_to_usual",
    "own_due",
    "own_due_for_item",
    "own_share",
    "own_place",
    "blend",
    "blend_place",
)
FEATURES = (
    *(f"score_{name}" for name in SCORES),
    *(f"place_{name}" for name in _PLACED),
    *(f"share_{name}" for name in _SHARED),
    *(f"item_{name}" for name in ITEM_NAMES),
    *(f"customer_{name}" for name in CUSTOMER),
    *OWN,
    *_CROSS,
)


def candidate_pairs(
    knowledge: Knowledge,
    reading: Reading,
    allowed: Flags,
    *,
    with_owned: bool,
    budgets: Budgets = FOR_CUSTOMERS,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(customer, item) of every pair to order; `allowed` has shape (customers, items), and nothing else is ever a candidate."""
    owned = np.zeros((reading.customers, reading.items), dtype=np.bool_)
    owned[reading.own_keys // reading.items, reading.own_keys % reading.items] = True
    fresh = allowed & ~owned
    chosen = np.zeros_like(fresh)
    lively = np.log1p(knowledge.items[:, _COLUMN["popular_30d"]])
    for name, budget in budgets.scores.items():
        weight = {"factors": knowledge.lift, "names": lively, "last_names": lively}.get(name)
        scores = reading.scores[name] if weight is None else reading.scores[name] * weight
        _add_best(chosen, np.where(fresh, scores, -np.inf), budget)
    for name, budget in budgets.selling.items():
        _add_best(chosen, np.where(fresh, knowledge.items[:, _COLUMN[name]], -np.inf), budget)
    chosen &= fresh
    if with_owned:
        chosen |= _most_taken(reading, owned & allowed)
    row, col = np.nonzero(chosen)
    return row, col


def _add_best(chosen: Flags, scores: NDArray[np.floating], budget: int) -> None:
    if budget >= scores.shape[1]:
        chosen[:] = True
        return
    best = np.argpartition(-scores, budget, axis=1)[:, :budget]
    np.put_along_axis(chosen, best, values=True, axis=1)


def _most_taken(reading: Reading, owned: Flags) -> Flags:
    """The owned items, at most `OWNED_BUDGET` a customer, by faded baskets."""
    crowded = np.flatnonzero(owned.sum(axis=1) > OWNED_BUDGET)
    if not crowded.size:
        return owned
    kept = owned.copy()
    customer, item = reading.own_keys // reading.items, reading.own_keys % reading.items
    for row in crowded.tolist():
        mine = (customer == row) & owned[customer, item]
        weight, codes = reading.own[mine, _FADED], item[mine]
        kept[row] = False
        kept[row, codes[np.argsort(-weight, kind="stable")[:OWNED_BUDGET]]] = True
    return kept


def features(knowledge: Knowledge, reading: Reading, row: Longs, col: Longs) -> Narrow:
    """Shape (pairs, len(FEATURES)); pairs are ordered by customer."""
    scores = {name: reading.scores[name][row, col] for name in SCORES}
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if row.size else np.zeros(0, dtype=np.int64)
    sizes = np.diff(np.r_[starts, row.size])
    places = [_places(row, scores[name], starts, sizes) for name in _PLACED]
    at_place = dict(zip(_PLACED, places, strict=True))
    shares = [_shares(scores[name], at_place[name], starts, sizes) for name in _SHARED]
    items, habits = knowledge.items[col], reading.habits[row]
    _, own = reading.owned_of(row * reading.items + col)
    usual = {name: habits[:, place] for place, name in enumerate(CUSTOMER)}
    blend = shares[_SHARED.index("trended")] + _REPEAT_WEIGHT * own[:, _LONG]
    cross = (
        items[:, _COLUMN["log_price"]] - usual["mean_log_price"],
        np.log1p(items[:, _COLUMN["popular_ever"]]) - usual["mean_log_popular"],
        own[:, _IDLE] / np.maximum(own[:, _GAP], 1.0),
        own[:, _IDLE] / np.maximum(items[:, _COLUMN["repeat_gap_days"]], 1.0),
        own[:, 0] / np.maximum(usual["baskets"], 1.0),
        _places(row, own[:, _FADED], starts, sizes),
        blend,
        _places(row, blend, starts, sizes),
    )
    table = np.empty((row.size, len(FEATURES)), dtype=np.float32)
    at = 0
    for columns in ((*scores.values(), *places, *shares), (items, habits, own), cross):
        for one in columns:
            width = 1 if one.ndim == 1 else one.shape[1]
            table[:, at : at + width] = one[:, None] if one.ndim == 1 else one
            at += width
    return table


def _places(row: Longs, values: Narrow, starts: Longs, sizes: Longs) -> Narrow:
    """The place of each pair among its customer's, best first, from 0; equal values in order of item."""
    order = np.argsort(-values, kind="stable") if starts.size == 1 else np.lexsort((-values, row))
    places = np.empty(row.size, dtype=np.float32)
    places[order] = np.arange(row.size) - np.repeat(starts, sizes)
    return places


def _shares(values: Narrow, places: Narrow, starts: Longs, sizes: Longs) -> Narrow:
    """Each value over its customer's twentieth best (or the last, of fewer), which counts for at least a twentieth of the best."""
    group = np.repeat(np.arange(starts.size), sizes)
    bar_place = np.repeat(np.minimum(_GOOD, sizes) - 1, sizes)
    bars, best = np.zeros((2, starts.size), dtype=np.float32)
    at_bar, at_best = places == bar_place, places == 0
    bars[group[at_bar]] = values[at_bar]
    best[group[at_best]] = values[at_best]
    shares = values / np.maximum(np.maximum(bars, best / _MOST_SHARE), 1e-6)[group]
    clipped: Narrow = np.clip(shares, -_MOST_SHARE, _MOST_SHARE).astype(np.float32)
    return clipped
