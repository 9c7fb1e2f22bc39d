"""Likeness of items by the words of their names: what speaks for an item that hardly anybody has taken yet.

Words are runs of letters and digits, case folded; a row is (1 + log count) times inverse document frequency, of length 1. The product of
two rows is the cosine of the names. An item without a name is like nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from models.recommender.item_weights import ItemWeights, strongest_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORD = re.compile(r"\w+")
_MAX_WORDS = 40
_BLOCK = 1024


def name_weights(items: Sequence[str], names: Mapping[str, str], *, keep: int, most_items: int) -> ItemWeights:
    """The cosines of each item's most alike names as item weights; none where nothing is named, or there are more than `most_items`."""
    size = len(items)
    if size > most_items or not any(names.get(item) for item in items):
        return ItemWeights("names", np.zeros((size, 1), dtype=np.int32), np.zeros((size, 1)))
    rows = name_rows(items, names)
    kept = min(keep, size)
    neighbours, weights = np.zeros((size, kept), dtype=np.int32), np.zeros((size, kept))
    for start in range(0, size, _BLOCK):
        block = np.asarray((rows[start : start + _BLOCK] @ rows.T).todense())
        place = np.arange(block.shape[0])
        block[place, start + place] = 0.0
        chosen = strongest_columns(block, kept)
        neighbours[start : start + _BLOCK] = chosen
        weights[start : start + _BLOCK] = np.take_along_axis(block, chosen, axis=1)
    return ItemWeights("names", neighbours, weights)


def name_rows(items: Sequence[str], names: Mapping[str, str]) -> sp.csr_matrix:
    """Shape (items, words), rows of length 1 or empty.

    >>> rows = name_rows(["a", "b", "c"], {"a": "Red tea cup", "b": "Blue tea cup"})
    >>> round(float(rows[0].multiply(rows[1]).sum()), 1), rows[2].nnz
    (0.5, 0)
    """
    counts = [Counter(_WORD.findall(names.get(item, "").casefold())[:_MAX_WORDS]) for item in items]
    vocabulary = {word: place for place, word in enumerate(sorted(set().union(*counts)))} if counts else {}
    row = [at for at, found in enumerate(counts) for _ in found]
    col = [vocabulary[word] for found in counts for word in found]
    times = np.array([times for found in counts for times in found.values()], dtype=np.float64)
    shape = (len(counts), max(len(vocabulary), 1))
    table = sp.csr_matrix((1.0 + np.log(np.maximum(times, 1.0)), (row, col)), shape=shape)
    named = max(sum(1 for found in counts if found), 1)
    frequency = np.bincount(np.asarray(col, dtype=np.int64), minlength=shape[1])
    weighted = sp.csr_matrix(table @ sp.diags(np.log((1 + named) / (1 + frequency)) + 1.0))
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    scaled = sp.csr_matrix(sp.diags(1.0 / np.maximum(length, 1e-12)) @ weighted)
    return scaled.astype(np.float32)
