"""Parts of a model's card: the calibration curve, the exact libraries, and figures with their intervals."""

from __future__ import annotations

import math
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from models.metrics.classification import describe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.metrics.interval import Interval

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

CURVE_BINS = 10
_LIBRARIES = ("duckdb", "ibis-framework", "implicit", "lightgbm", "numpy", "pyarrow", "scikit-learn", "scipy", "uptier")
_NAMES = {"log_loss": "log loss", "pr_auc": "pr auc", "lift_at_10_percent": "lift at 10 %"}
_MANY_ROWS = 5_000
_Z = 1.959964


@cache
def requirements() -> tuple[str, ...]:
    """The libraries that decide what a fit comes to, pinned as they are installed."""
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return tuple(found)


def figures(
    label: Flags, probability: Floats, customers: NDArray[Any], rng: np.random.Generator
) -> dict[str, Interval]:
    """Every figure of probabilities with its 95 % interval over customers; fewer draws where many rows make it narrow anyway."""
    found = describe(label, probability, customers=customers, rng=rng, draws=100 if label.size < _MANY_ROWS else 30)
    return {_NAMES.get(name, name): value for name, value in found.items()}


def calibration_curve(label: Flags, probability: Floats) -> tuple[dict[str, float], ...]:
    """Rows in order of their probability, in ten equal parts: what was promised and found in each, with Wilson's 95 % interval.

    >>> calibration_curve(np.array([True, False]), np.array([0.5, 0.5]))[0]["found"]
    0.5
    """
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(CURVE_BINS, max(1, np.unique(probability).size)))
    return tuple(_point(label[part], probability[part]) for part in parts if part.size)


def _point(label: Flags, probability: Floats) -> dict[str, float]:
    rows, found = int(label.size), float(label.mean())
    scale = 1 + _Z**2 / rows
    middle = (found + _Z**2 / (2 * rows)) / scale
    reach = _Z / scale * math.sqrt(found * (1 - found) / rows + _Z**2 / (4 * rows**2))
    return {
        "promised": round(float(probability.mean()), 6),
        "found": round(found, 6),
        "low": round(max(0.0, middle - reach), 6),
        "high": round(min(1.0, middle + reach), 6),
        "rows": rows,
    }
