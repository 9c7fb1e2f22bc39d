"""Simulated shops whose truth is known, for the tests of tabular models."""

from __future__ import annotations

import numpy as np

from models.tabular.table import Examples, FeatureTable

TRUTH = {"days_since_last_order": 1.2, "orders_90d": -0.9, "spend_90d": 0.5, "noise": 0.0}


def logistic_shop(rows: int, *, seed: int = 0, base: float = -1.0) -> tuple[Examples, np.ndarray]:
    """Examples whose log-odds are linear in skewed columns' normal scores, and their true probabilities."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(rows, len(TRUTH)))
    score = base + normal @ np.array(list(TRUTH.values()))
    probability = 1 / (1 + np.exp(-score))
    label = rng.random(rows) < probability
    table = FeatureTable(tuple(TRUTH), np.exp(normal) * 10)
    return Examples(table, label, np.array([f"c{number}" for number in range(rows)])), probability


def thirds(examples: Examples) -> tuple[Examples, Examples, Examples]:
    """The first 60 %, the next 20 % and the last 20 %."""
    rows = np.arange(len(examples))
    first, second = int(len(rows) * 0.6), int(len(rows) * 0.8)
    return examples.take(rows[:first]), examples.take(rows[first:second]), examples.take(rows[second:])
