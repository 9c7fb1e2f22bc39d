"""What completes a basket, and what replaces a thing already in it: item weights fitted on baskets, and pairs that are substitutes.

Affinity is EASE on baskets (one row a basket, a basket of n items weighing 1/sqrt(n), so that a wholesaler's thousand lines do not drown
the rest). Substitutes are items that the same customers take, but hardly ever at once. Both look at the `max_items` most bought items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from models.recommender.ease import ease_weights, gram
from models.recommender.item_weights import ItemWeights, strongest

if TYPE_CHECKING:
    from models.recommender.interactions import Codes, Floats, Interactions

_SUBSTITUTES = 50
_BLOCK = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AffinityConfig:
    """How strongly to shrink, how many partners an item keeps, and when two items replace each other.

    A shrinkage of 5 was best on inner splits of damped baskets; undamped ones want ten times that.
    Substitutes: at least `min_shared_customers` have both, their customer cosine is at least `min_similarity`, and the baskets with both
    are at most `max_together` of those customers.
    """

    shrinkage: float = 5.0
    keep: int = 200
    max_items: int = 15_000
    min_similarity: float = 0.15
    min_shared_customers: int = 5
    max_together: float = 0.2


@dataclass(frozen=True, slots=True)
class FittedAffinity:
    """Partner weights; the substitutes of each item (codes, -1 where there are no more); and in how many baskets each item was."""

    weights: ItemWeights
    substitutes: Codes
    baskets: Floats


def fit_affinity(interactions: Interactions, as_of_us: int, *, config: AffinityConfig | None = None) -> FittedAffinity:
    """Affinity and substitutes from everything before the moment."""
    chosen = config or AffinityConfig()
    past = interactions.before(as_of_us)
    baskets = _basket_rows(past)
    count = np.asarray(baskets.sum(axis=0)).ravel()
    head: Codes = np.sort(np.argsort(-count, kind="stable")[: chosen.max_items]).astype(np.int32)
    rows = baskets[:, head]
    size = np.asarray(rows.sum(axis=1)).ravel()
    damped = sp.csr_matrix(sp.diags(np.maximum(size, 1.0) ** -0.25) @ rows)  # twice in the Gram: 1/sqrt(size)
    local = strongest(ease_weights(gram(damped), chosen.shrinkage), chosen.keep, "basket ease")
    pairs = _substitutes(past, rows, head, chosen)
    return FittedAffinity(
        weights=_spread(local, head, past.items.size),
        substitutes=_spread_codes(pairs, head, past.items.size),
        baskets=count,
    )


def _basket_rows(past: Interactions) -> sp.csr_matrix:
    basket, _, col, _ = past.per_basket()
    names, row = np.unique(basket, return_inverse=True)
    return sp.csr_matrix((np.ones(col.size), (row, col)), shape=(names.size, past.items.size))


def _substitutes(past: Interactions, baskets: sp.csr_matrix, head: Codes, config: AffinityConfig) -> Codes:
    row, col, _ = past.latest()
    owned = sp.csr_matrix((np.ones(row.size), (row, col)), shape=(past.customers.size, past.items.size))[:, head]
    norm = np.sqrt(np.maximum(np.asarray(owned.sum(axis=0)).ravel(), 1.0))
    found = np.full((head.size, _SUBSTITUTES), -1, dtype=np.int32)
    for start in range(0, head.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        shared = (owned.T[part] @ owned).toarray()
        together = (baskets.T[part] @ baskets).toarray()
        likeness = shared / (norm[part, None] * norm[None, :])
        replaces = (shared >= config.min_shared_customers) & (likeness >= config.min_similarity)
        replaces &= together <= config.max_together * shared
        for place, row_likeness in enumerate(np.where(replaces, likeness, 0.0)):
            best = np.argsort(-row_likeness, kind="stable")[:_SUBSTITUTES]
            best = best[row_likeness[best] > 0]
            found[start + place, : best.size] = best
    return found


def _spread(local: ItemWeights, head: Codes, items: int) -> ItemWeights:
    """Weights over the most bought items, as weights over all; the rest has none."""
    if head.size == items:
        return local
    neighbours = np.zeros((items, local.neighbours.shape[1]), dtype=np.int32)
    weights = np.zeros(neighbours.shape)
    neighbours[head] = head[local.neighbours]
    weights[head] = local.weights
    return ItemWeights(method=local.method, neighbours=neighbours, weights=weights)


def _spread_codes(local: Codes, head: Codes, items: int) -> Codes:
    codes = np.full((items, local.shape[1]), -1, dtype=np.int32)
    codes[head] = np.where(local >= 0, head[np.maximum(local, 0)], -1)
    return codes
