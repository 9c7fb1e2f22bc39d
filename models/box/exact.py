"""The best box of a subscriber within a budget, exactly, out of a few candidates: every selection is tried, for many at once."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.box.problem import Codes, Longs

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]

WIDE: Final = 12
_WIDEST_SLOTS: Final = 8
_SPARE: Final = 3
_MANY: Final = 1024


def width(slots: int) -> int:
    """How many candidates are looked at for a box of so many slots: selections stay below two thousand."""
    return WIDE if slots <= _WIDEST_SLOTS else slots + _SPARE


def best_selection(  # noqa: PLR0917 (the columns of one small table)
    value: Floats, cost: Longs, kind: Codes, caps: Codes, budget: Longs, slots: int
) -> Flags:
    """Which of each row's candidates make its best box: shape (rows, candidates), at most `slots` of them.

    `value`, `cost` and `kind` (the category) have shape (rows, candidates); a candidate that must not come has a value of -inf. As many
    slots as can be are filled; among those selections the one of the greatest value within the budget and the caps is taken.
    """
    chosen = np.zeros(value.shape, dtype=bool)
    for start in range(0, value.shape[0], _MANY):
        rows = slice(start, start + _MANY)
        chosen[rows] = _block(value[rows], cost[rows], kind[rows], caps[rows], budget[rows], slots)
    return chosen


def _block(  # noqa: PLR0917 (the columns of one small table)
    value: Floats, cost: Longs, kind: Codes, caps: Codes, budget: Longs, slots: int
) -> Flags:
    chosen = np.zeros(value.shape, dtype=bool)
    left = np.arange(value.shape[0])
    usable = np.isfinite(value)
    worth = np.where(usable, value, 0).astype(np.float32)
    for size in range(min(slots, value.shape[1]), 0, -1):
        table = _selections(value.shape[1], size)
        total = worth[left] @ table
        total[(~usable[left]).astype(np.float32) @ table > 0] = -np.inf
        total[cost[left].astype(np.float64) @ table > budget[left, None]] = -np.inf
        for at in range(value.shape[1]):  # each category by its first candidate
            alike = (kind[left] == kind[left, at][:, None]).astype(np.float32)
            total[alike @ table > caps[left, None]] = -np.inf
        best = np.argmax(total, axis=1)
        found = np.isfinite(total[np.arange(left.size), best])
        chosen[left[found]] = table[:, best[found]].T > 0
        left = left[~found]
        if not left.size:
            break
    return chosen


@lru_cache(maxsize=64)
def _selections(candidates: int, size: int) -> Floats:
    """Every selection of so many candidates as a column of ones and noughts."""
    picks = np.array(list(combinations(range(candidates), size)))
    table = np.zeros((candidates, picks.shape[0]), dtype=np.float32)
    table[picks, np.arange(picks.shape[0])[:, None]] = 1
    return table
