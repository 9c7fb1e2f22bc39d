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
from models.recommender.ranker.addon import ADDON, hide_one, score_baskets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from models.recommender.interactions import Floats, Interactions
    from models.recommender.ranker.addon import Baskets
    from models.recommender.ranker.fit import FittedRanker

    Scorer = Callable[[sp.csr_matrix], Floats]

_BATCH = 512


@dataclass(frozen=True, slots=True)
class BasketRow:
    """One scorer: hit rate and mean reciprocal rank at ten, and the paired lead in hits over the best baseline.

    `leads` has the same over every other scorer, for a scorer that is no baseline.
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
    train: Interactions,
    test: Interactions,
    *,
    as_of_us: int,
    rng: np.random.Generator,
    k: int = 10,
    ranker: FittedRanker | None = None,
) -> BasketTable | None:
    """The table, or None where no later basket holds two known items; `ranker` was fitted on `train` as of the moment."""
    baskets = hide_one(train, test, rng)
    if not baskets.hidden.size:
        return None
    names, flags, seconds, hits = [], [], [], []
    if ranker is not None and ADDON in ranker.heads:
        names.append("ranker (baskets)")
        flags.append(False)
        seconds.append(0.0)
        ranked = score_baskets(ranker.knowledge, ranker.heads[ADDON], train, baskets, as_of_us)
        hits.append(_hits(ranked, baskets, k))
    for name, is_baseline, fit in _SCORERS:
        started = time.perf_counter()
        scorer = fit(train, as_of_us)
        seconds.append(time.perf_counter() - started)
        names.append(name)
        flags.append(is_baseline)
        hits.append(_hits(_batches(scorer, baskets.visible), baskets, k))
    rates = [hit_rate(hit) for hit in hits]
    theirs = [at for at, flag in enumerate(flags) if flag]
    best = max(theirs, key=lambda at: float(rates[at].mean()))

    def leads(at: int) -> dict[str, Interval]:
        others = [other for other in range(len(names)) if other != at] if not flags[at] else []
        return {names[other]: paired_difference(rates[at], rates[other], rng=rng) for other in others}

    rows = tuple(
        BasketRow(
            name=names[at],
            is_baseline=flags[at],
            fit_seconds=seconds[at],
            hit_rate=mean_interval(rates[at], rng=rng),
            reciprocal_rank=mean_interval(reciprocal_rank(hits[at]), rng=rng),
            lead=None if at == best else paired_difference(rates[at], rates[best], rng=rng),
            leads=leads(at),
        )
        for at in range(len(names))
    )
    return BasketTable(k=k, baskets=int(baskets.hidden.size), rows=rows)


def _batches(scorer: Scorer, visible: sp.csr_matrix) -> Iterator[tuple[int, Floats]]:
    for start in range(0, visible.shape[0], _BATCH):
        yield start, scorer(visible[start : start + _BATCH])


def _hits(scored: Iterator[tuple[int, Floats]], baskets: Baskets, k: int) -> NDArray[np.bool_]:
    """Shape (baskets, k): whether the hidden item stands at each place, visible ones masked."""
    parts = []
    for start, scores in scored:
        part = baskets.part(start, start + scores.shape[0])
        chosen = best_rows(scores, ~(part.visible.toarray() > 0), k)
        parts.append(chosen == part.hidden[:, None])
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
