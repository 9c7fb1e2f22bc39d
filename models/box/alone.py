"""The best box of each subscriber by itself: what everybody would get if nobody shared a shelf. All subscribers at once, in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.box.problem import EMPTY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.box.problem import Codes, Shelf

    Values = NDArray[np.float32]

BLOCK = 4096


def best_alone(value: Values, slots: Codes, caps: Codes, shelf: Shelf) -> Codes:
    """The most valued items, at most `caps` of a category, shape (subscribers, most slots), best first and EMPTY where there is none.

    `value` has shape (subscribers, items); what must not come, and what is worth less than an empty slot, is below zero.

    >>> from models.box.problem import Shelf
    >>> shelf = Shelf(category=np.array([0, 0, 1]), cost_minor=np.ones(3, int), stock=np.ones(3, int))
    >>> best_alone(np.array([[0.9, 0.8, 0.1]], dtype=np.float32), np.array([2]), np.array([1]), shelf).tolist()
    [[0, 2]]
    """
    most = int(slots.max(initial=0))
    boxes = np.full((value.shape[0], most), EMPTY, dtype=np.int32)
    groups = [np.flatnonzero(shelf.category == code) for code in np.unique(shelf.category)]
    deepest = int(caps.max(initial=1))
    for start in range(0, value.shape[0], BLOCK):
        rows = slice(start, start + BLOCK)
        boxes[rows] = _block(value[rows], slots[rows], caps[rows], groups, min(deepest, most), most)
    return boxes


def _block(  # noqa: PLR0917 (arrays of one block)
    value: Values, slots: Codes, caps: Codes, groups: list[NDArray[np.int64]], deepest: int, most: int
) -> Codes:
    items, worths = [], []
    for group in groups:
        best = _top(value[:, group], deepest)
        worth = np.take_along_axis(value[:, group], best, axis=1)
        worths.append(np.where(np.arange(best.shape[1]) < caps[:, None], worth, -1))
        items.append(group[best])
    item, worth = np.concatenate(items, axis=1), np.concatenate(worths, axis=1)
    best = _top(worth, most)
    found = np.take_along_axis(item, best, axis=1)
    kept = (np.take_along_axis(worth, best, axis=1) >= 0) & (np.arange(best.shape[1]) < slots[:, None])
    boxes = np.full((value.shape[0], most), EMPTY, dtype=np.int32)
    boxes[:, : best.shape[1]] = np.where(kept, found, EMPTY)
    return boxes


def _top(value: Values, count: int) -> NDArray[np.int64]:
    """The columns of the greatest values of each row, greatest first; ties in the order of the columns."""
    if value.shape[1] <= count:
        return np.argsort(-value, axis=1, kind="stable")
    some = np.sort(np.argpartition(-value, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(value, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)
