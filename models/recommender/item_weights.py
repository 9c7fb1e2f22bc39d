"""Item-to-item weights, the K strongest of each source item: the one form in which linear recommenders are stored and served.

A history scores item j by the sum over its items i of weight(i, j), so each part of a score belongs to one item the customer has.
Invariant: `neighbours` and `weights` have shape (items, K); an empty place has weight 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.recommender.interactions import Codes, Floats

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class ItemWeights:
    """For each source item the codes and weights of its K strongest targets, positive or negative."""

    method: str
    neighbours: Codes
    weights: Floats

    @property
    def items(self) -> int:
        """How many items there are."""
        return int(self.neighbours.shape[0])

    def propagate(self, history: sp.csr_matrix) -> Floats:
        """Shape (customers, items): history weights (customers, items) times the item weights."""
        if self.neighbours.shape[1] == self.items:  # nothing was cut: the places are the codes
            return np.asarray(history @ self.weights)
        scores: Floats = (history @ self.as_matrix()).toarray()
        return scores

    def gather(self, sources: NDArray[np.integer], values: NDArray[np.floating]) -> Floats:
        """Shape (items,): what these source items with these values give together; for one customer, without a sparse product."""
        spoken = self.weights[sources] * values[:, None]
        together: Floats = np.bincount(self.neighbours[sources].ravel(), spoken.ravel(), minlength=self.items).astype(
            np.float64
        )
        return together

    def as_matrix(self) -> sp.csr_matrix:
        """The weights as a sparse matrix, source item by target item."""
        size, keep = self.neighbours.shape
        starts = np.arange(0, size * keep + 1, keep) if keep else np.zeros(size + 1, dtype=np.int64)
        return sp.csr_matrix((self.weights.ravel(), self.neighbours.ravel(), starts), shape=(size, size))


def strongest(dense: Floats, keep: int, method: str) -> ItemWeights:
    """The `keep` weights of largest size in each row of a square matrix.

    >>> kept = strongest(np.array([[0.0, -0.5, 0.2], [0.1, 0.0, 0.3], [0.2, 0.1, 0.0]]), 1, "doc")
    >>> kept.neighbours.ravel().tolist(), kept.weights.ravel().tolist()
    ([1, 2, 0], [-0.5, 0.3, 0.2])
    """
    size = dense.shape[0]
    if keep >= size:
        places = np.broadcast_to(np.arange(size, dtype=np.int32), (size, size))  # a view: every row is the same
        return ItemWeights(method=method, neighbours=places, weights=dense)
    kept = keep
    neighbours = np.zeros((size, kept), dtype=np.int32)
    weights = np.zeros((size, kept))
    for start in range(0, size, _BLOCK):
        block = dense[start : start + _BLOCK]
        chosen = strongest_columns(block, kept)
        neighbours[start : start + _BLOCK] = chosen
        weights[start : start + _BLOCK] = np.take_along_axis(block, chosen, axis=1)
    return ItemWeights(method=method, neighbours=neighbours, weights=weights)


def strongest_columns(block: Floats, keep: int) -> Codes:
    """The columns of the `keep` entries of largest size in each row, in column order."""
    if keep >= block.shape[1]:
        return np.tile(np.arange(block.shape[1], dtype=np.int32), (block.shape[0], 1))
    chosen = np.argpartition(np.abs(block), -keep, axis=1)[:, -keep:]
    return np.sort(chosen, axis=1).astype(np.int32)
