"""Basket completion: hide one item of each later basket and rank all items not visible in it; the test of bundles and add-ons.

The unit is baskets with at least two known items; a hit is the hidden item among the first ten. The hidden item is drawn with the given
generator, so that the same seed hides the same items.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from models.bundles.affinity import fit_affinity
from models.metrics.interval import Interval, mean_interval, paired_difference
from models.metrics.ranking import hit_rate, reciprocal_rank
from models.recommender.baselines import fit_plain_ease
from models.recommender.choose import best_rows
from models.recommender.ease import FittedEase
from models.recommender.popular import customers_per_item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.recommender.interactions import Floats, Interactions

    Scorer = Callable[[sp.csr_matrix], Floats]

_BATCH = 512


@dataclass(frozen=True, slots=True)
class BasketRow:
    """One scorer: hit rate and mean reciprocal rank at ten, and the paired lead in hits over the best baseline.

    `leads` has the same over every baseline, for a scorer that is none.
    """

    name: str
    is_baseline: bool
    fit_seconds: float
    hit_rate: Interval
    reciprocal_rank: Interval
    lead: Interval | None
    leads: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BasketTable:
    """All scorers on the same baskets."""

    k: int
    baskets: int
    rows: tuple[BasketRow, ...]


def compare_baskets(
    train: Interactions, test: Interactions, *, as_of_us: int, rng: np.random.Generator, k: int = 10
) -> BasketTable | None:
    """The table, or None where no later basket holds two known items."""
    visible, hidden = _hide_one(test.with_items_of(train), rng)
    if not hidden.size:
        return None
    names, flags, seconds, hits = [], [], [], []
    for name, is_baseline, fit in _SCORERS:
        started = time.perf_counter()
        scorer = fit(train, as_of_us)
        seconds.append(time.perf_counter() - started)
        names.append(name)
        flags.append(is_baseline)
        hits.append(_hits(scorer, visible, hidden, k))
    rates = [hit_rate(hit) for hit in hits]
    best = max((at for at, flag in enumerate(flags) if flag), key=lambda at: float(rates[at].mean()))
    theirs = [at for at, flag in enumerate(flags) if flag]
    rows = tuple(
        BasketRow(
            name=names[at],
            is_baseline=flags[at],
            fit_seconds=seconds[at],
            hit_rate=mean_interval(rates[at], rng=rng),
            reciprocal_rank=mean_interval(reciprocal_rank(hits[at]), rng=rng),
            lead=None if at == best else paired_difference(rates[at], rates[best], rng=rng),
            leads={}
            if flags[at]
            else {names[other]: paired_difference(rates[at], rates[other], rng=rng) for other in theirs},
        )
        for at in range(len(names))
    )
    return BasketTable(k=k, baskets=int(hidden.size), rows=rows)


def _hide_one(test: Interactions, rng: np.random.Generator) -> tuple[sp.csr_matrix, Floats]:
    basket, _, col, _ = test.per_basket()
    names, row = np.unique(basket, return_inverse=True)
    lines = sp.csr_matrix((np.ones(col.size), (row, col)), shape=(names.size, test.items.size))
    lines = lines[np.diff(lines.indptr) >= 2]
    size = np.diff(lines.indptr)
    at = lines.indptr[:-1] + (rng.random(size.size) * size).astype(np.int64)
    hidden = lines.indices[at].astype(np.int64)
    visible = lines.copy()
    visible.data[at] = 0.0
    visible.eliminate_zeros()
    return visible, hidden


def _hits(
    scorer: Scorer, visible: sp.csr_matrix, hidden: Floats, k: int
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    parts = []
    for start in range(0, hidden.size, _BATCH):
        seen = visible[start : start + _BATCH]
        chosen = best_rows(scorer(seen), ~(seen.toarray() > 0), k)
        parts.append(chosen == hidden[start : start + _BATCH, None])
    return np.concatenate(parts)


def _popular_recent(train: Interactions, as_of_us: int) -> Scorer:
    counts = customers_per_item(train, as_of_us, 30.0)
    return lambda seen: np.tile(counts, (seen.shape[0], 1))


def _confidence(train: Interactions, as_of_us: int) -> Scorer:
    """The share of baskets with i that also hold j, summed over the visible i."""
    basket, _, col, _ = train.before(as_of_us).per_basket()
    names, row = np.unique(basket, return_inverse=True)
    lines = sp.csr_matrix((np.ones(col.size), (row, col)), shape=(names.size, train.items.size))
    together = sp.csr_matrix(lines.T @ lines)
    together.setdiag(0.0)
    count = np.maximum(np.asarray(lines.sum(axis=0)).ravel(), 1.0)
    confidence = sp.csr_matrix(sp.diags(1.0 / count) @ together)
    return lambda seen: np.asarray((seen @ confidence).todense())


def _customer_ease(train: Interactions, as_of_us: int) -> Scorer:
    fitted = fit_plain_ease(train, as_of_us)
    if not isinstance(fitted, FittedEase):
        return _confidence(train, as_of_us)
    return fitted.weights.propagate


def _basket_affinity(train: Interactions, as_of_us: int) -> Scorer:
    return fit_affinity(train, as_of_us).weights.propagate


_SCORERS: tuple[tuple[str, bool, Callable[[Interactions, int], Scorer]], ...] = (
    ("popular, last 30 days", True, _popular_recent),
    ("confidence P(j given i)", True, _confidence),
    ("EASE on customers, 500", True, _customer_ease),
    ("bundle affinity (EASE on baskets)", False, _basket_affinity),
)
