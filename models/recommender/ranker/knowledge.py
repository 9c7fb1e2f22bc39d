"""Everything the ranker knows of a shop as of a moment: five ways to relate items, and what is known of each item.

Fitted from what lies strictly before the moment, again for every label window, so that no score the ranker learns from has seen its own
label. Fading and steady customers and baskets are EASE; factors are implicit ALS; names are words. Large catalogues get what fits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from models.recommender.als import AlsConfig, factor_items
from models.recommender.ease import ease_weights, gram
from models.recommender.interactions import Floats, Interactions, decay
from models.recommender.item_weights import ItemWeights, strongest
from models.recommender.ranker.content import name_weights
from models.recommender.ranker.item_side import LIFT, item_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Narrow = NDArray[np.float32]

_MOST_NAMED = 15_000  # beyond, relating all names to all costs more than it tells


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeConfig:
    """Shrinkage and half-life in days of each relation; `keep` weights an item, among the `most_related` items.

    The values are plain ones: the trees weigh the relations against each other, so that little hangs on any of them.
    """

    fading_shrinkage: float = 100.0
    fading_days: float = 120.0
    steady_shrinkage: float = 300.0
    basket_shrinkage: float = 5.0
    basket_days: float = 365.0
    most_related: int = 5_000
    als: AlsConfig = field(default_factory=AlsConfig)
    keep: int = 200
    ridge: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """`factors` and `fold_in` have shape (items, factors): a history times the second gives the customer, times the first the scores.

    `names` are cosines of words; `items` is `item_side.item_side`.
    """

    as_of_us: int
    fading: ItemWeights
    steady: ItemWeights
    baskets: ItemWeights
    factors: Narrow
    fold_in: Narrow
    names: ItemWeights
    items: Narrow
    fading_half_life_days: float

    @property
    def size(self) -> int:
        """How many items there are."""
        return int(self.items.shape[0])

    @property
    def lift(self) -> Narrow:
        """Shape (items,): how much faster each item sells now than it used to."""
        return self.items[:, LIFT]


def learn(
    interactions: Interactions,
    as_of_us: int,
    *,
    names: Mapping[str, str] | None = None,
    config: KnowledgeConfig | None = None,
) -> Knowledge:
    """Everything, from what lies before the moment; `names` maps items to what people call them."""
    chosen = config or KnowledgeConfig()
    past = interactions.before(as_of_us)
    factors, fold_in = _factors(past, chosen)
    return Knowledge(
        as_of_us=as_of_us,
        fading=_relate(_customer_rows(past, chosen.fading_days, as_of_us), chosen.fading_shrinkage, chosen),
        steady=_relate(_customer_rows(past, None, as_of_us), chosen.steady_shrinkage, chosen),
        baskets=_relate(_basket_rows(past, chosen.basket_days, as_of_us), chosen.basket_shrinkage, chosen),
        factors=factors,
        fold_in=fold_in,
        names=_cut(
            name_weights(past.items.tolist(), names or {}, keep=chosen.keep, most_items=_MOST_NAMED),
            chosen.keep,
        ),
        items=item_side(past, as_of_us),
        fading_half_life_days=chosen.fading_days,
    )


def _factors(past: Interactions, config: KnowledgeConfig) -> tuple[Narrow, Narrow]:
    row, col, _ = past.latest()
    owned = sp.csr_matrix((np.ones(row.size), (row, col)), shape=(past.customers.size, past.items.size))
    factors = factor_items(owned, config.als)
    square = factors.T @ factors + config.ridge * np.eye(factors.shape[1])
    return factors.astype(np.float32), np.linalg.solve(square, factors.T).T.astype(np.float32)


def _customer_rows(past: Interactions, half_life_days: float | None, as_of_us: int) -> sp.csr_matrix:
    row, col, at_us = past.latest()
    return sp.csr_matrix(
        (decay(as_of_us - at_us, half_life_days), (row, col)), shape=(past.customers.size, past.items.size)
    )


def _basket_rows(past: Interactions, half_life_days: float, as_of_us: int) -> sp.csr_matrix:
    """A basket of n lines weighs 1 / sqrt(n) in the Gram matrix, and half after its half-life."""
    basket, _, col, at_us = past.per_basket()
    _, place, size = np.unique(basket, return_inverse=True, return_counts=True)
    weight = size[place] ** -0.25 * np.sqrt(decay(as_of_us - at_us, half_life_days))
    return sp.csr_matrix((weight, (place, col)), shape=(size.size, past.items.size))


def _relate(rows: sp.csr_matrix, shrinkage: float, config: KnowledgeConfig) -> ItemWeights:
    """EASE on the rows, over the items that most of them hold; an item beyond those relates to nothing here (its factors and name do)."""
    items = rows.shape[1]
    if items <= config.most_related:
        return _cut(strongest(ease_weights(gram(rows, single=True), shrinkage), config.keep, "ease"), config.keep)
    counts = np.diff(rows.tocsc().indptr)
    head = np.sort(np.argsort(-counts, kind="stable")[: config.most_related]).astype(np.int32)
    local = strongest(ease_weights(gram(rows[:, head], single=True), shrinkage), config.keep, "ease of the head")
    neighbours = np.zeros((items, local.neighbours.shape[1]), dtype=np.int32)
    weights: Floats = np.zeros(neighbours.shape)
    neighbours[head], weights[head] = head[local.neighbours], local.weights
    return _cut(ItemWeights(method=local.method, neighbours=neighbours, weights=weights), config.keep)


def _cut(weights: ItemWeights, keep: int) -> ItemWeights:
    """As it will be served: rounded to 32 bits, so that training sees what serving sees."""
    narrow: Any = weights.weights[:, :keep].astype(np.float32)
    return ItemWeights(weights.method, np.ascontiguousarray(weights.neighbours[:, :keep]), narrow)
