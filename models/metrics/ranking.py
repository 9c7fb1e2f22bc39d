"""Ranking metrics over all items, one value a customer: from where the hits stand in a list and how many there could have been.

`hits` has shape (customers, k), true where the item at that place was taken; `relevant` has shape (customers,), each at least 1. Means
are left to the caller, who needs the values for intervals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hits = NDArray[np.bool_]
    Counts = NDArray[np.int64]
    Values = NDArray[np.float64]


def recall(hits: Hits, relevant: Counts) -> Values:
    """The share of what was taken that the list holds.

    >>> recall(np.array([[True, False, True]]), np.array([4])).tolist()
    [0.5]
    """
    found: Values = hits.sum(axis=1) / relevant
    return found


def truncated_recall(hits: Hits, relevant: Counts) -> Values:
    """Recall out of what a list of this length could hold, so that a perfect list scores 1.

    >>> truncated_recall(np.array([[True, False]]), np.array([10])).tolist()
    [0.5]
    """
    found: Values = hits.sum(axis=1) / np.minimum(relevant, hits.shape[1])
    return found


def ndcg(hits: Hits, relevant: Counts) -> Values:
    """Discounted gain with binary relevance; the ideal list is cut at the same length.

    One hit in the second place: (1 / log2 3) / (1 / log2 2).

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(4).tolist()
    [0.6309]
    """
    discount = 1.0 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.cumsum(discount)[np.minimum(relevant, hits.shape[1]) - 1]
    gain: Values = np.where(hits, discount, 0.0).sum(axis=1) / ideal
    return gain


def hit_rate(hits: Hits) -> Values:
    """1 where the list holds anything that was taken.

    >>> hit_rate(np.array([[False, True], [False, False]])).tolist()
    [1.0, 0.0]
    """
    return np.where(hits.any(axis=1), 1.0, 0.0)


def reciprocal_rank(hits: Hits) -> Values:
    """One over the place of the first hit, 0 without one; its mean is the MRR.

    >>> reciprocal_rank(np.array([[False, True, True], [False, False, False]])).tolist()
    [0.5, 0.0]
    """
    first = hits.argmax(axis=1) + 1
    return np.where(hits.any(axis=1), 1.0 / first, 0.0)
