"""Implicit ALS, through the `implicit` library on one thread: a baseline, and the item weights of catalogues too large for EASE.

Source: Hu, Koren and Volinsky 2008. Histories are folded in by solving for the customer's factors, so unseen customers are scored too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from models.recommender.item_weights import ItemWeights, strongest_columns

if TYPE_CHECKING:
    from models.recommender.contract import Histories
    from models.recommender.interactions import Floats, Interactions

_BLOCK = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsConfig:
    """Size and shrinkage of the factors; `alpha` weighs what was taken against what was not."""

    factors: int = 64
    regularization: float = 0.05
    alpha: float = 1.0
    iterations: int = 15
    seed: int = 0


@dataclass(frozen=True, slots=True)
class FittedAls:
    """The library's fitted model, folded in at scoring."""

    name: str
    model: Any

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): the folded-in customer factors times the item factors."""
        owned = histories.recency().astype(np.float32)
        if not histories.customers:
            return np.zeros((0, histories.items))
        with threadpool_limits(limits=1):
            folded = self.model.recalculate_user(np.arange(histories.customers), owned)
            scores: Floats = (folded @ self.model.item_factors.T).astype(np.float64)
        return scores


def fit_als(interactions: Interactions, as_of_us: int, *, config: AlsConfig | None = None) -> FittedAls:
    """Implicit ALS on owned pairs before the moment."""
    chosen = config or AlsConfig()
    row, col, _ = interactions.before(as_of_us).latest()
    shape = (interactions.customers.size, interactions.items.size)
    owned = sp.csr_matrix((np.ones(row.size), (row, col)), shape=shape)
    return FittedAls(name=f"implicit ALS {chosen.factors}", model=_fit(owned, chosen))


def factor_items(rows: sp.csr_matrix, config: AlsConfig) -> Floats:
    """Shape (items, factors): the item factors of faded histories."""
    factors: Floats = _fit(rows, config).item_factors.astype(np.float64)
    return factors


def weights_from_factors(factors: Floats, keep: int, ridge: float = 0.1) -> ItemWeights:
    """Item weights Y (Y'Y + ridge I)^-1 Y': the fold-in every customer shares, without an item's weight on itself."""
    items = factors.shape[0]
    kept = min(keep, items)
    side = np.linalg.solve(factors.T @ factors + ridge * np.eye(factors.shape[1]), factors.T)
    neighbours, weights = np.zeros((items, kept), dtype=np.int32), np.zeros((items, kept))
    for start in range(0, items, _BLOCK):
        block = factors[start : start + _BLOCK] @ side
        rows = np.arange(block.shape[0])
        block[rows, start + rows] = 0.0
        chosen = strongest_columns(block, kept)
        neighbours[start : start + _BLOCK] = chosen
        weights[start : start + _BLOCK] = np.take_along_axis(block, chosen, axis=1)
    return ItemWeights(method="ials", neighbours=neighbours, weights=weights)


def _fit(rows: sp.csr_matrix, config: AlsConfig) -> Any:
    with threadpool_limits(limits=1):
        model = AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularization,
            alpha=config.alpha,
            iterations=config.iterations,
            num_threads=1,
            random_state=config.seed,
        )
        model.fit(rows.astype(np.float32), show_progress=False)
    return model
