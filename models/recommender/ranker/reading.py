"""What histories say, read once for a batch or for one customer: scores of every relation, habits, and each owned item's own story.

The same function serves training, evaluation and a live request; only the number of customers differs. Scores have shape (customers,
items); own rows are one a (customer, item) that was ever taken, ordered by key = customer * items + item, so that pairs find theirs by a
binary search. A basket is what a customer took at one instant; basket 0 is the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from models.recommender.interactions import DAY_US
from models.recommender.ranker.item_side import ITEM_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.recommender.contract import Histories
    from models.recommender.interactions import Codes, Floats, Longs
    from models.recommender.item_weights import ItemWeights
    from models.recommender.ranker.knowledge import Knowledge

    Narrow = NDArray[np.float32]

SCORES = ("fading", "trended", "steady", "last_basket", "baskets", "factors", "names", "last_names")
OWN = (
    "own_baskets",
    "own_fading_60d",
    "own_fading_20d",
    "own_fading_240d",
    "own_idle_days",
    "own_gap_days",
    "own_last_basket",
    "own_rate_since_first",
    "own_fading_baskets",
)
CUSTOMER = (
    "baskets",
    "basket_size",
    "idle_days",
    "gap_days",
    "due",
    "repeat_share",
    "different_items",
    "tenure_days",
    "mean_log_price",
    "mean_log_popular",
    "mean_item_age_days",
    "lines_60d",
)
_PRICE, _POPULAR, _AGE = (ITEM_NAMES.index(name) for name in ("log_price", "popular_ever", "age_days"))
_LATELY_DAYS = 60.0
_BASKET_FADES = 0.7  # from one basket to the one before
_BASKET_DAYS = 180.0
_USUAL_GAP_DAYS = 60.0
_OLDEST_DAYS = 400.0
_NEVER_DAYS = 999.0
_NO_BASKET = 99.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Scores by name, the customers' columns (customers, len(CUSTOMER)), and the own rows with their sorted keys."""

    customers: int
    items: int
    scores: dict[str, Narrow]
    habits: Narrow
    own_keys: Longs
    own: Narrow

    def owned_of(self, keys: Longs) -> tuple[NDArray[np.bool_], Narrow]:
        """Whether each (customer, item) key was ever taken, and its own columns; what never was has their absent values."""
        found = np.empty((keys.size, len(OWN)), dtype=np.float32)
        found[:] = _ABSENT
        if not self.own_keys.size:
            return np.zeros(keys.size, dtype=np.bool_), found
        place = np.minimum(np.searchsorted(self.own_keys, keys), self.own_keys.size - 1)
        has = self.own_keys[place] == keys
        found[has] = self.own[place[has]]
        return has, found


_ABSENT = np.array([0.0, 0.0, 0.0, 0.0, _NEVER_DAYS, np.nan, _NO_BASKET, 0.0, 0.0], dtype=np.float32)


def read(knowledge: Knowledge, histories: Histories) -> Reading:
    """Read histories whose items are the knowledge's, as of the histories' moment."""
    order = np.lexsort((histories.col, -histories.at_us, histories.row))
    row, col, at_us = histories.row[order], histories.col[order], histories.at_us[order]
    nth = _baskets_back(row, at_us, histories.customers)
    ages = (histories.as_of_us - at_us) / DAY_US
    lines = (row, col, ages, nth)
    keys, own, latest = _own_rows(lines, items=knowledge.size)
    return Reading(
        customers=histories.customers,
        items=knowledge.size,
        scores=_scores(knowledge, (histories.customers, knowledge.size), lines, latest),
        habits=_habits(knowledge, histories.customers, lines, latest[0]),
        own_keys=keys,
        own=own,
    )


def _baskets_back(row: Codes, at_us: Longs, customers: int) -> Longs:
    """How many baskets of the customer came after each line: rows by customer, newest first."""
    starts = np.ones(row.size, dtype=np.int64)
    starts[1:] = (row[1:] != row[:-1]) | (at_us[1:] != at_us[:-1])
    number = np.cumsum(starts)
    first = np.zeros(customers, dtype=np.int64)
    begins = np.ones(row.size, dtype=np.bool_)
    begins[1:] = row[1:] != row[:-1]
    first[row[begins]] = number[begins]
    back: Longs = number - first[row]
    return back


def _own_rows(
    lines: tuple[Codes, Codes, Floats, Longs], *, items: int
) -> tuple[Longs, Narrow, tuple[Codes, Codes, Floats]]:
    """The sorted keys with their columns, and (customer, item, age) of the last time each was taken."""
    row, col, ages, nth = lines
    key = row.astype(np.int64) * items + col
    order = np.argsort(key, kind="stable")  # newest first within a key, as the lines came
    keys, start, times = np.unique(key[order], return_index=True, return_counts=True)
    if not keys.size:
        return keys, np.zeros((0, len(OWN)), dtype=np.float32), (row, col, ages)
    age = ages[order]
    newest, oldest = age[start], age[start + times - 1]
    gap = np.where(times > 1, (oldest - newest) / np.maximum(times - 1, 1), np.nan)
    columns = [
        times,
        np.add.reduceat(np.exp2(-age / 60.0), start),
        np.add.reduceat(np.exp2(-age / 20.0), start),
        np.add.reduceat(np.exp2(-age / 240.0), start),
        newest,
        gap,
        nth[order][start],
        times / (nth[order][start + times - 1] + 1.0),
        np.add.reduceat(_BASKET_FADES ** nth[order], start),
    ]
    last = (row[order][start], col[order][start], newest)
    return keys, np.stack(columns, axis=1).astype(np.float32), last


def _scores(
    knowledge: Knowledge,
    shape: tuple[int, int],
    lines: tuple[Codes, Codes, Floats, Longs],
    latest: tuple[Codes, Codes, Floats],
) -> dict[str, Narrow]:
    """Every relation's scores, dense: lines are all, `latest` the last time of each owned item."""
    row, col, ages, nth = lines
    owned = _Rows(latest[0], latest[1], shape)
    lately: Floats = np.asarray(_BASKET_FADES**nth * np.exp2(-ages / _BASKET_DAYS), dtype=np.float64)
    every = _Rows(row, col, shape)
    newest = _Rows(row[nth == 0], col[nth == 0], shape)
    ones = np.ones(newest.row.size)
    fading = owned.through(knowledge.fading, np.exp2(-latest[2] / knowledge.fading_half_life_days))
    scores = {
        "fading": fading,
        "trended": fading * knowledge.lift,
        "steady": owned.through(knowledge.steady, np.ones(owned.row.size)),
        "last_basket": newest.through(knowledge.baskets, ones) / np.sqrt(newest.totals(ones)),
        "baskets": every.through(knowledge.baskets, lately),
        "factors": owned.summed(knowledge.fold_in) @ knowledge.factors.T,
        "names": every.through(knowledge.names, lately) / every.totals(lately),
        "last_names": newest.through(knowledge.names, ones) / newest.totals(ones),
    }
    return {name: found.astype(np.float32, copy=False) for name, found in scores.items()}


@dataclass(frozen=True, slots=True)
class _Rows:
    """Which items each customer's row holds; one customer needs no sparse product, which would cost more than the sum."""

    row: Codes
    col: Codes
    shape: tuple[int, int]

    def through(self, weights: ItemWeights, values: Floats) -> Floats:
        """Shape (customers, items): the values times the item weights."""
        if self.shape[0] == 1:
            return weights.gather(self.col, values)[None]
        return weights.propagate(sp.csr_matrix((values, (self.row, self.col)), shape=self.shape))

    def summed(self, vectors: Narrow) -> Narrow:
        """Shape (customers, columns): the sum of the items' vectors."""
        if self.shape[0] == 1:
            alone: Narrow = vectors[self.col].sum(axis=0)[None]
            return alone
        ones = np.ones(self.row.size, dtype=np.float32)
        return np.asarray(sp.csr_matrix((ones, (self.row, self.col)), shape=self.shape) @ vectors)

    def totals(self, values: Floats) -> Floats:
        """Shape (customers, 1): the sum of the values, above zero."""
        total = np.bincount(self.row, values, minlength=self.shape[0])[:, None]
        above: Floats = np.maximum(total, 1e-9)
        return above


def _habits(knowledge: Knowledge, customers: int, lines: tuple[Codes, Codes, Floats, Longs], own_rows: Codes) -> Narrow:
    """Shape (customers, len(CUSTOMER)); a customer without a history has zeros and the usual gap."""
    row, col, ages, nth = lines
    items = knowledge.items

    def mean(values: Narrow | Floats) -> Floats:
        known = np.isfinite(values)
        total = np.bincount(row[known], values[known], minlength=customers)
        count = np.bincount(row[known], minlength=customers)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    count = np.bincount(row, minlength=customers)
    baskets = np.zeros(customers)
    np.maximum.at(baskets, row, nth + 1.0)
    newest, oldest = np.full(customers, _NEVER_DAYS), np.zeros(customers)
    np.minimum.at(newest, row, ages)
    np.maximum.at(oldest, row, ages)
    gap = np.where(baskets > 1, (oldest - newest) / np.maximum(baskets - 1, 1), _USUAL_GAP_DAYS)
    different = np.bincount(own_rows, minlength=customers)
    columns = [
        baskets,
        count / np.maximum(baskets, 1),
        newest,
        gap,
        newest / np.maximum(gap, 1.0),
        1.0 - different / np.maximum(count, 1),
        different,
        oldest,
        mean(items[col, _PRICE]),
        mean(np.log1p(items[col, _POPULAR])),
        mean(np.minimum(items[col, _AGE], _OLDEST_DAYS)),
        np.bincount(row[ages <= _LATELY_DAYS], minlength=customers),
    ]
    return np.stack(columns, axis=1).astype(np.float32)
