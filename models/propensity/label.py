"""Who moved up, as of a moment: among subscribers below the top plan, whoever holds a higher-ranked plan at any time in the window.

Ranks order plans from low to high; `NO_PLAN` stands for having none. Only changes strictly before the moment say where a customer stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.tabular.labels import Labels, Window, require_equal_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.labels import Longs

NO_PLAN = -1


def label_upgrade(
    customers: NDArray[Any],
    at_us: Longs,
    rank: Longs,
    *,
    top_rank: int,
    window: Window,
    observed_until_us: int,
) -> Labels:
    """The label of everyone with a plan below `top_rank` at the moment.

    One row of the columns is one change: the rank that the customer holds from then on.
    """
    require_equal_length(customers=customers, at_us=at_us, rank=rank)
    window.require_observed(observed_until_us)
    order = np.lexsort((np.arange(at_us.size), at_us, customers))
    who, when, held = customers[order], at_us[order], rank[order]
    past = when < window.as_of_us
    holders, last = last_of_each(who[past])
    standing = held[past][last]
    eligible = (standing > NO_PLAN) & (standing < top_rank)
    holders, standing = holders[eligible], standing[eligible]
    later = window.contains(when) & np.isin(who, holders)
    place = np.searchsorted(holders, who[later])
    moved = np.zeros(holders.size, dtype=np.bool_)
    np.logical_or.at(moved, place, held[later] > standing[place])
    return Labels(customers=holders, label=moved, window=window)


def last_of_each(customers: NDArray[Any]) -> tuple[NDArray[Any], Longs]:
    """The customers of a sorted column and the place of the last row of each."""
    distinct, counts = np.unique(customers, return_counts=True)
    return distinct, np.cumsum(counts) - 1
