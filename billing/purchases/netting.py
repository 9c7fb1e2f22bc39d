"""Takes what came back off what was bought: a return cancels the customer's latest earlier purchases of the same item, wholly or in part.

Quantities only; a purchase never falls below nothing, and a return without an earlier purchase in the file changes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Netted:
    """What is left of each line (`remaining`; lines that are no purchases keep their quantity), and how many returns found too little."""

    remaining: NDArray[np.int64]
    unmatched_returns: int


def net_returns(
    pair: NDArray[np.int64],
    at_us: NDArray[np.int64],
    quantity: NDArray[np.int64],
    *,
    bought: NDArray[np.bool_],
    returned: NDArray[np.bool_],
) -> Netted:
    """Match `returned` lines (quantity below zero) to `bought` ones (above zero) of the same `pair` of customer and item.

    The most recent purchase at or before the return goes first; of several at one moment, the largest. All columns have one entry a line.

    >>> column = lambda *values: np.array(values)
    >>> net_returns(column(7, 7, 7), column(1, 2, 3), column(5, 4, -6), bought=column(1, 1, 0) > 0, returned=column(0, 0, 1) > 0).remaining
    array([ 3,  0, -6])
    """
    remaining = quantity.copy()
    involved = (bought & np.isin(pair, pair[returned])) | returned
    rows = np.flatnonzero(involved)
    rows = rows[np.lexsort((rows, quantity[rows], returned[rows], at_us[rows], pair[rows]))]
    unmatched = 0
    open_rows: list[int] = []  # purchases of the present pair with something left, the next to cancel last
    present: int | None = None
    for row, key, is_return in zip(rows.tolist(), pair[rows].tolist(), returned[rows].tolist(), strict=True):
        if key != present:
            present, open_rows = key, []
        if not is_return:
            open_rows.append(row)
            continue
        wanted = -int(quantity[row])
        while wanted > 0 and open_rows:
            last = open_rows[-1]
            taken = min(wanted, int(remaining[last]))
            remaining[last] -= taken
            wanted -= taken
            if remaining[last] == 0:
                open_rows.pop()
        unmatched += wanted > 0
    return Netted(remaining, unmatched)
