"""Columns made fit for a linear model: many-valued ones by rank to a normal shape, few-valued ones standardised.

A missing value counts as typical (0) and sets a flag of its own where training saw missing values. Outputs have mean 0 and deviation 1 on
the training rows, so that an outlier or a unit cannot lead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.tabular.contract import Arrays
    from models.tabular.table import Floats

_FEW_VALUES = 10
_KNOTS = 200


@dataclass(frozen=True, slots=True)
class Inputs:
    """A column's value is read off its knots (`knot_x`, `knot_z` from `starts[j]` to `starts[j + 1]`), straight between them."""

    starts: NDArray[np.int64]
    knot_x: Floats
    knot_z: Floats
    flagged: NDArray[np.int64]

    def transform(self, values: Floats) -> Floats:
        """Shape (rows, columns + flags)."""
        found = np.zeros((values.shape[0], values.shape[1] + self.flagged.size))
        for number in range(values.shape[1]):
            part = slice(self.starts[number], self.starts[number + 1])
            found[:, number] = np.interp(values[:, number], self.knot_x[part], self.knot_z[part])
        missing = np.isnan(values)
        found[:, : values.shape[1]][missing] = 0.0
        found[:, values.shape[1] :] = missing[:, self.flagged]
        return found

    def to_columns(self, terms: Floats) -> Floats:
        """Terms of shape (rows, columns + flags) summed to their columns."""
        width = self.starts.size - 1
        found = terms[:, :width].copy()
        found[:, self.flagged] += terms[:, width:]
        return found

    def arrays(self) -> Arrays:
        """What `from_arrays` needs."""
        return {"starts": self.starts, "knot_x": self.knot_x, "knot_z": self.knot_z, "flagged": self.flagged}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Inputs:
        """The inputs that `arrays` took apart."""
        names = ("starts", "knot_x", "knot_z", "flagged")
        return cls(*(arrays[name] for name in names))  # type: ignore[arg-type]  # the names follow the order of the fields


def fit_inputs(values: Floats) -> Inputs:
    """The knots of each column, from training rows of shape (rows, columns)."""
    knots = [_column_knots(column[~np.isnan(column)]) for column in values.T]
    starts = np.cumsum([0, *(x.size for x, _ in knots)])
    return Inputs(
        starts=starts.astype(np.int64),
        knot_x=np.concatenate([x for x, _ in knots]) if knots else np.zeros(0),
        knot_z=np.concatenate([z for _, z in knots]) if knots else np.zeros(0),
        flagged=np.flatnonzero(np.isnan(values).any(axis=0)).astype(np.int64),
    )


def _column_knots(known: Floats) -> tuple[Floats, Floats]:
    """Where the column's values lie on the standardised scale; a constant column lies at 0."""
    distinct, counts = np.unique(known, return_counts=True)
    if distinct.size < 2:
        return np.zeros(1), np.zeros(1)
    if distinct.size <= _FEW_VALUES:
        x, z = distinct, distinct
    else:
        middle = (np.cumsum(counts) - counts / 2) / known.size
        keep = _spread(middle)
        x, z = distinct[keep], ndtri(middle[keep])
    placed = np.interp(known, x, z)
    return x, (z - placed.mean()) / placed.std()


def _spread(share: Floats) -> NDArray[np.int64]:
    """At most about two hundred places, evenly spread over the share of rows, with both ends."""
    if share.size <= _KNOTS:
        return np.arange(share.size, dtype=np.int64)
    inner = np.searchsorted(share, np.linspace(0, 1, _KNOTS)).clip(0, share.size - 1)
    return np.union1d(inner, [0, share.size - 1]).astype(np.int64)
