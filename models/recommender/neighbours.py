"""Item-kNN by cosine, through the `implicit` library on one thread: the baseline most shops know as "customers also bought".

The unit is customers who have both items; each item keeps its K nearest.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from implicit.nearest_neighbours import CosineRecommender
from implicit.utils import ParameterWarning

if TYPE_CHECKING:
    from models.recommender.contract import Histories
    from models.recommender.interactions import Floats, Interactions


@dataclass(frozen=True, slots=True)
class FittedNeighbours:
    """Sparse similarities between items."""

    name: str
    similarity: sp.csr_matrix

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): the summed similarity to what the customer has."""
        scores: Floats = (histories.recency() @ self.similarity).toarray()
        return scores


def fit_neighbours(interactions: Interactions, as_of_us: int, *, nearest: int = 200) -> FittedNeighbours:
    """Cosine similarities of owned pairs before the moment."""
    row, col, _ = interactions.before(as_of_us).latest()
    shape = (interactions.customers.size, interactions.items.size)
    model = CosineRecommender(K=nearest, num_threads=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)  # the library warns of a conversion that is its own
        model.fit(sp.csr_matrix((np.ones(row.size), (row, col)), shape=shape), show_progress=False)
    return FittedNeighbours(name="item-kNN cosine", similarity=sp.csr_matrix(model.similarity))
