"""EASE on recency-weighted histories: the closed-form linear autoencoder, refitted in seconds for a few thousand items.

Source: Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data". With X the faded histories, G = X'X and P = (G + shrinkage I)^-1,
the weight of item i for item j is -P_ij / P_jj, and 0 on the diagonal. Memory is 16 n^2 bytes while fitting and time about n^3, so
above `max_dense_items` the weights come from implicit ALS factors instead, and the method's name says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lapack

from billing.kernel.errors import InvalidError
from models.recommender.als import AlsConfig, factor_items, weights_from_factors
from models.recommender.interactions import Floats, Interactions, decay
from models.recommender.item_weights import ItemWeights, strongest

if TYPE_CHECKING:
    from models.recommender.contract import Histories

_BLOCK = 1024


class EaseError(InvalidError):
    """The configuration cannot be fitted."""

    code = "invalid_ease"


@dataclass(frozen=True, slots=True, kw_only=True)
class EaseConfig:
    """How strongly to shrink, how fast a purchase fades (None: never), and how many weights an item keeps."""

    shrinkage: float = 100.0
    half_life_days: float | None = 90.0
    keep: int = 200
    max_dense_items: int = 15_000

    def __post_init__(self) -> None:
        if self.shrinkage <= 0 or self.keep < 1 or (self.half_life_days is not None and self.half_life_days <= 0):
            raise EaseError("shrinkage, keep and half-life are positive", shrinkage=self.shrinkage, keep=self.keep)


@dataclass(frozen=True, slots=True)
class FittedEase:
    """Item weights, and the half-life with which a history fades."""

    name: str
    weights: ItemWeights
    half_life_days: float | None

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): the faded history times the item weights."""
        return self.weights.propagate(histories.recency(self.half_life_days))


def fit_ease(interactions: Interactions, as_of_us: int, *, config: EaseConfig | None = None) -> FittedEase:
    """EASE on everything before the moment; implicit ALS weights where the catalogue is too large for a dense inverse."""
    chosen = config or EaseConfig()
    weights = fit_item_weights(interactions, as_of_us, chosen)
    fading = "" if chosen.half_life_days is None else f", half-life {chosen.half_life_days:g} d"
    return FittedEase(
        name=f"{weights.method} {chosen.shrinkage:g}{fading}", weights=weights, half_life_days=chosen.half_life_days
    )


def fit_item_weights(interactions: Interactions, as_of_us: int, config: EaseConfig) -> ItemWeights:
    """The item weights alone; `method` is "ease" or "ials"."""
    row, col, at_us = interactions.before(as_of_us).latest()
    shape = (interactions.customers.size, interactions.items.size)
    faded = sp.csr_matrix((decay(as_of_us - at_us, config.half_life_days), (row, col)), shape=shape)
    if interactions.items.size > config.max_dense_items:
        return weights_from_factors(factor_items(faded, AlsConfig()), config.keep)
    return strongest(ease_weights(gram(faded), config.shrinkage), config.keep, "ease")


def gram(rows: sp.csr_matrix, *, single: bool = False) -> Floats:
    """X'X, dense: how much each pair of columns occurs in the same row; in 32 bits half the time and memory, for about five digits."""
    dense: Floats = np.asarray((rows.T @ rows).todense(), dtype=np.float32 if single else np.float64, order="F")
    return dense


def ease_weights(gram_matrix: Floats, shrinkage: float) -> Floats:
    """The dense weights of a Gram matrix, which is overwritten: Cholesky, then the inverse from its factor.

    Two items always taken together, shrinkage equal to the count: the partner explains half.

    >>> ease_weights(np.asfortranarray([[2.0, 2.0], [2.0, 2.0]]), 2.0).round(12).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    size = gram_matrix.shape[0]
    if not size:
        return gram_matrix
    gram_matrix[np.diag_indices(size)] += shrinkage
    factorise, invert = lapack.get_lapack_funcs(("potrf", "potri"), (gram_matrix,))
    factor, failed = factorise(gram_matrix, lower=1, overwrite_a=1)
    if failed:
        raise EaseError("the Gram matrix is not positive definite; are the weights finite?", minor=int(failed))
    inverse, _ = invert(factor, lower=1, overwrite_c=1)
    _mirror_lower(inverse)
    inverse /= -np.diag(inverse).copy()
    inverse[np.diag_indices(size)] = 0.0
    weights: Floats = inverse
    return weights


def _mirror_lower(matrix: Floats) -> None:
    """Copies the lower triangle onto the upper one in place, by blocks, so that no second matrix is needed."""
    for start in range(0, matrix.shape[0], _BLOCK):
        part = slice(start, start + _BLOCK)
        matrix[:start, part] = matrix[part, :start].T
        corner = np.tril(matrix[part, part])
        matrix[part, part] = corner + np.tril(corner, -1).T
