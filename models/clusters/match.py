"""The same cluster keeps its id when clusters are found anew: old and new are matched so that most customers stay where they were.

The matching is the assignment that maximises the customers who stay (Kuhn 1955, "Hungarian"); what has no counterpart gets a new id, and
an id is never given to another cluster later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Matched:
    """Ids of the new clusters, the number for the next new one, and the share of customers whose id changed (None at first)."""

    ids: tuple[str, ...]
    next_number: int
    share_moved: float | None


def first_ids(sizes: Sequence[int]) -> Matched:
    """Ids of a first fit: c1 is the largest cluster."""
    rank = {cluster: place + 1 for place, cluster in enumerate(sorted(range(len(sizes)), key=lambda c: (-sizes[c], c)))}
    return Matched(
        ids=tuple(f"c{rank[cluster]}" for cluster in range(len(sizes))), next_number=len(sizes) + 1, share_moved=None
    )


def match_ids(old: Codes, new: Codes, *, old_ids: Sequence[str], clusters: int, next_number: int) -> Matched:
    """Ids of the new clusters; `old` and `new` are the cluster of the same customers before and after.

    >>> match_ids(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]), old_ids=("c1", "c2"), clusters=2, next_number=3)
    Matched(ids=('c2', 'c1'), next_number=3, share_moved=0.25)
    """
    together = np.zeros((len(old_ids), clusters), dtype=np.int64)
    np.add.at(together, (old, new), 1)
    rows, columns = linear_sum_assignment(together, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    ids = {new_place: old_ids[old_place] for old_place, new_place in pairs if together[old_place, new_place]}
    for cluster in range(clusters):
        if cluster not in ids:
            ids[cluster] = f"c{next_number}"
            next_number += 1
    ordered = tuple(ids[cluster] for cluster in range(clusters))
    moved = np.array(old_ids, dtype=object)[old] != np.array(ordered, dtype=object)[new]
    return Matched(ids=ordered, next_number=next_number, share_moved=float(moved.mean()) if old.size else None)
