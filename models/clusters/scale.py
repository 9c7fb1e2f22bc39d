"""Behaviour on one scale: signed logarithms, standardised, held within three deviations, missing values typical.

Money, counts and days are skewed; without this one big spender is a cluster of their own and everybody else is the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from models.tabular.table import Floats

FARTHEST = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Centre and spread of each column's logarithm, shape (columns,)."""

    centre: Floats
    spread: Floats

    def apply(self, values: Floats) -> Floats:
        """Shape (rows, columns), each within plus or minus three."""
        scaled = (signed_log(values) - self.centre) / self.spread
        return np.asarray(np.nan_to_num(np.clip(scaled, -FARTHEST, FARTHEST), nan=0.0))


def fit_scale(values: Floats) -> Scale:
    """The scale of rows of shape (rows, columns); a constant or empty column counts for nothing."""
    logs = signed_log(values)
    known = ~np.isnan(logs)
    rows = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, logs, 0.0).sum(axis=0) / rows
    spread = np.sqrt(np.where(known, (logs - centre) ** 2, 0.0).sum(axis=0) / rows)
    return Scale(centre=centre, spread=np.where(spread > 1e-9, spread, 1.0))


def signed_log(values: Floats) -> Floats:
    """The logarithm of one plus the size, with the sign kept.

    >>> signed_log(np.array([0.0, np.e - 1, 1 - np.e])).round(6).tolist()
    [0.0, 1.0, -1.0]
    """
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
