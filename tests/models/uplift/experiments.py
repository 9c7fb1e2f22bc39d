"""Experiments whose truth is known: who responds anyway, whom the treatment moves, and by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.uplift.contract import experiment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.uplift.contract import Experiment

    Floats = NDArray[np.float64]


def drawn(rows: int, *, seed: int, strength: float = 0.2, share: float = 0.5) -> tuple[Experiment, Floats]:
    """An experiment and each row's true uplift: `strength` where the second column is 1, nothing elsewhere; the first column responds."""
    rng = np.random.default_rng(seed)
    features = np.column_stack([rng.normal(size=rows), rng.integers(0, 2, rows), rng.normal(size=rows)])
    uplift = strength * features[:, 1]
    base = 0.15 + 0.1 * (features[:, 0] > 0)
    treated = rng.random(rows) < share
    outcome = rng.random(rows) < base + uplift * treated
    return experiment(features, treated, outcome.astype(np.float64)), uplift


def alike(rows: int, *, seed: int, effect: float = 0.1) -> Experiment:
    """An experiment in which the treatment does the same to everybody, though some respond more than others."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 3))
    treated = rng.random(rows) < 0.5
    outcome = rng.random(rows) < 0.15 + 0.1 * (features[:, 0] > 0) + effect * treated
    return experiment(features, treated, outcome.astype(np.float64))
