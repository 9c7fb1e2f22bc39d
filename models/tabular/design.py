"""Columns unfolded for a linear model that may bend: hinges over the rank-normal scale, indicators for columns of few values.

A column of many values becomes its normal score and its hinges `max(0, z - knot)` at evenly spread quantiles, so its part of the log-odds
is a broken line; a column of few values gets an indicator for each. Every term has mean 0 and deviation 1 on the training rows and
belongs to one column, so contributions of columns stay exact sums. A missing value counts as typical (0) and sets its flag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.tabular.inputs import Inputs, fit_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.tabular.contract import Arrays
    from models.tabular.table import Floats

_FEW_VALUES = 16
_HINGES = 7
_FEWEST_ROWS = 5
_NARROW = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """`inputs` gives scale and flags; hinge k bends column `hinge_place[k]` at `hinge_at[k]`; indicator k is `values == level_at[k]`.

    `mean` and `scale` standardise the terms: the inputs', then the hinges, then the indicators.
    """

    inputs: Inputs
    hinge_place: NDArray[np.int64]
    hinge_at: Floats
    level_place: NDArray[np.int64]
    level_at: Floats
    mean: Floats
    scale: Floats

    def transform(self, values: Floats) -> Floats:
        """Shape (rows, terms)."""
        terms = (self._terms(values) - self.mean) / self.scale
        hidden = np.isnan(values)
        if hidden.any():
            width, flags = values.shape[1], self.inputs.flagged.size
            terms[:, :width][hidden] = 0.0
            terms[:, width + flags :][hidden[:, np.concatenate([self.hinge_place, self.level_place])]] = 0.0
        return np.asarray(terms)

    def to_columns(self, terms: Floats) -> Floats:
        """Terms of shape (rows, terms) summed to their columns."""
        width = self.inputs.starts.size - 1
        owner = np.concatenate([np.arange(width), self.inputs.flagged, self.hinge_place, self.level_place])
        found = np.zeros((terms.shape[0], width))
        for term, column in enumerate(owner.tolist()):
            found[:, column] += terms[:, term]
        return found

    def _terms(self, values: Floats) -> Floats:
        placed = self.inputs.transform(values)
        bent = np.maximum(placed[:, self.hinge_place] - self.hinge_at, 0.0)
        levels = (values[:, self.level_place] == self.level_at).astype(np.float64)
        return np.concatenate([placed, bent, levels], axis=1)

    def arrays(self) -> Arrays:
        """What `from_arrays` needs."""
        own = {name: getattr(self, name) for name in _NAMES}
        return {**{f"inputs.{name}": array for name, array in self.inputs.arrays().items()}, **own}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Design:
        """The design that `arrays` took apart."""
        inputs = {name.removeprefix("inputs."): array for name, array in arrays.items() if name.startswith("inputs.")}
        own = {name: arrays[name] for name in _NAMES}
        return cls(inputs=Inputs.from_arrays(inputs), **own)  # type: ignore[arg-type]  # (the names are the fields')


_NAMES = ("hinge_place", "hinge_at", "level_place", "level_at", "mean", "scale")


def fit_design(values: Floats) -> Design:
    """The hinges and indicators of each column, from training rows of shape (rows, columns)."""
    inputs = fit_inputs(values)
    placed = inputs.transform(values)
    hinge_place, hinge_at, level_place, level_at = [], [], [], []
    for place, column in enumerate(values.T):
        known = ~np.isnan(column)
        distinct, counts = np.unique(column[known], return_counts=True)
        if distinct.size <= 2:
            continue
        if distinct.size <= _FEW_VALUES:
            often = distinct[counts >= _FEWEST_ROWS]
            level_place += [place] * often.size
            level_at += often.tolist()
            continue
        knots = _knots(placed[known, place])
        hinge_place += [place] * knots.size
        hinge_at += knots.tolist()
    bare = Design(
        inputs=inputs,
        hinge_place=np.asarray(hinge_place, dtype=np.int64),
        hinge_at=np.asarray(hinge_at, dtype=np.float64),
        level_place=np.asarray(level_place, dtype=np.int64),
        level_at=np.asarray(level_at, dtype=np.float64),
        mean=np.zeros(1),
        scale=np.ones(1),
    )
    return _standardised(bare, values)


def _standardised(bare: Design, values: Floats) -> Design:
    terms = bare._terms(values)  # noqa: SLF001 (the same class, one step earlier)
    deviation = terms.std(axis=0)
    return Design(
        inputs=bare.inputs,
        hinge_place=bare.hinge_place,
        hinge_at=bare.hinge_at,
        level_place=bare.level_place,
        level_at=bare.level_at,
        mean=terms.mean(axis=0),
        scale=np.where(deviation > _NARROW, deviation, 1.0),
    )


def _knots(placed: Floats) -> Floats:
    """Evenly spread quantiles inside of the column's range, each once."""
    inner = np.unique(np.quantile(placed, np.linspace(0, 1, _HINGES + 2)[1:-1]))
    return np.asarray(inner[(inner > placed.min()) & (inner < placed.max())])
