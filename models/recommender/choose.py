"""The one place where a list is cut: what may not be shown is masked before the best k are taken, on every path, or it leaks.

Offline evaluation, the live recommender and every level of its fallback chain choose through here. Invariants: no masked item is ever
chosen, no item twice, and a list shorter than k carries the name of what it lacked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.recommender.interactions import Flags, Floats

    Places = NDArray[np.int64]

SMALL_CATALOGUE = "catalogue_smaller_than_k"
ALL_FILTERED = "too_few_items_after_filters"
NO_CANDIDATES = "too_few_candidates"


@dataclass(frozen=True, slots=True)
class Stage:
    """One level of a fallback chain: its scores, and which items it has anything to say about (None: all)."""

    level: str
    scores: Floats
    candidates: Flags | None = None


@dataclass(frozen=True, slots=True)
class CodeQuota:
    """Shape (items,): each item's group, -1 without one; and how many of a group a list may hold."""

    groups: Places
    at_most: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen item codes with the stage that gave each (an index), and why there are fewer than asked, if so."""

    codes: tuple[int, ...]
    stages: tuple[int, ...]
    shortfall: str | None


def allowed_items(size: int, *filters: Sequence[int] | NDArray[np.integer]) -> Flags:
    """Shape (size,): true for items in none of the filters (owned, blocked, not buyable, in the cart, excluded by the caller).

    >>> allowed_items(4, [0], [], [2]).tolist()
    [False, True, False, True]
    """
    allowed = np.ones(size, dtype=np.bool_)
    for codes in filters:
        allowed[np.asarray(codes, dtype=np.int64)] = False
    return allowed


def choose(stages: Sequence[Stage], allowed: Flags, k: int, quota: CodeQuota | None = None) -> Choice:
    """The best k allowed items, filled stage by stage; within a stage by score, ties by code.

    A quota holds back what exceeds its group's share while anything else is left; what it held back fills the end of the list.

    >>> chain = [Stage("personal", np.array([.9, .8, .1]), np.array([True, True, False])), Stage("new", np.array([1., 2., 3.]))]
    >>> choose(chain, np.array([False, True, True]), 3)
    Choice(codes=(1, 2), stages=(0, 1), shortfall='too_few_items_after_filters')
    """
    free = allowed.copy()
    codes: list[int] = []
    sources: list[int] = []
    rounds = (quota, None) if quota is not None else (None,)
    for held in rounds:
        for number, stage in enumerate(stages):
            if len(codes) >= k:
                break
            open_now = free if stage.candidates is None else free & stage.candidates
            best = _pick(stage.scores, open_now, k - len(codes), codes, held)
            free[best] = False
            codes += best
            sources += [number] * len(best)
    return Choice(codes=tuple(codes), stages=tuple(sources), shortfall=_shortfall(len(codes), allowed, k))


def _pick(scores: Floats, open_now: Flags, k: int, chosen: Sequence[int], quota: CodeQuota | None) -> list[int]:
    """The best codes of one stage, none beyond the quota given what is chosen already."""
    if quota is None:
        best: list[int] = best_codes(scores, open_now, k).tolist()
        return best
    used: dict[int, int] = {}
    for code in chosen:
        group = int(quota.groups[code])
        used[group] = used.get(group, 0) + 1
    picked: list[int] = []
    for code in best_codes(scores, open_now, int(open_now.sum())).tolist():
        group = int(quota.groups[code])
        if group >= 0 and used.get(group, 0) >= quota.at_most:
            continue
        used[group] = used.get(group, 0) + 1
        picked.append(code)
        if len(picked) == k:
            break
    return picked


def best_codes(scores: Floats, allowed: Flags, k: int) -> Places:
    """The codes of the best k allowed items by score, ties by code; fewer when fewer are allowed."""
    codes = np.flatnonzero(allowed)
    if k <= 0 or not codes.size:
        return codes[:0]
    values = scores[codes]
    if codes.size > k:
        bar = np.partition(values, -k)[-k]
        codes, values = codes[values >= bar], values[values >= bar]
    return codes[np.lexsort((codes, -values))][:k]


def best_rows(scores: Floats, allowed: Flags, k: int) -> Places:
    """Shape (customers, k): the best allowed codes of each row, -1 where there are not enough."""
    chosen = np.full((scores.shape[0], k), -1, dtype=np.int64)
    for row in range(scores.shape[0]):
        best = best_codes(scores[row], allowed[row], k)
        chosen[row, : best.size] = best
    return chosen


def _shortfall(found: int, allowed: Flags, k: int) -> str | None:
    if found >= k:
        return None
    if allowed.size < k:
        return SMALL_CATALOGUE
    return ALL_FILTERED if int(allowed.sum()) < k else NO_CANDIDATES
