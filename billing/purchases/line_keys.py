"""Keys of purchase lines: basket, item, and which occurrence of the two it is. Unique within a file, the same at every import."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.purchases.text_values import distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_KEY = 200
_ROOM_FOR_COUNT = 12


def line_keys(basket: pa.ChunkedArray, item: pa.ChunkedArray) -> pa.Array:
    """`basket:item:n` for each row, n from 1 in the order of the file; null where either is missing.

    Occurrences are counted over the joined text, so that no two rows share a key even where a basket or item holds a colon itself.
    """
    names, rows = distinct(pc.binary_join_element_wise(basket, item, ":"))
    joined = pa.array([_short(name) for name in names], pa.string()).take(pa.array(rows, mask=rows < 0))
    return pc.binary_join_element_wise(joined, pa.array(_occurrence(rows)).cast(pa.string()), ":")


def codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number for each distinct text, from 0; -1 where there is none."""
    return distinct(column)[1]


def _occurrence(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row, how many rows of its group there are up to and including it."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    first = np.repeat(starts, np.diff(np.concatenate([starts, [len(group)]])))
    occurrence = np.empty(len(group), dtype=np.int64)
    occurrence[order] = np.arange(len(group)) - first + 1
    return occurrence


def _short(name: str) -> str:
    """Itself, or its digest where the key column could not hold it."""
    if len(name) <= MAX_KEY - _ROOM_FOR_COUNT:
        return name
    return hashlib.sha256(name.encode()).hexdigest()
