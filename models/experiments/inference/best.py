"""Which of several arms is best, and how likely: for the page of an experiment with more than two arms, and for a bandit's shares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.experiments.inference.sums import Cases, Summary

_POINTS = 2001
_REACH = 8.0


def chance_best(arms: Sequence[Summary]) -> tuple[float, ...]:
    """The chance that each arm's mean is the highest, by independent normal posteriors around what was seen; they sum to 1."""
    means = np.array([arm.mean for arm in arms])
    errors = np.array([max(math.sqrt(arm.variance / arm.n) if arm.n else math.inf, 1e-12) for arm in arms])
    if not np.isfinite(errors).all():
        return tuple(1 / len(arms) for _ in arms)
    return _highest([stats.norm(mean, error) for mean, error in zip(means, errors, strict=True)])


def chance_best_rate(arms: Sequence[Cases]) -> tuple[float, ...]:
    """The same for rates, by Beta posteriors from a flat prior: right for few cases too."""
    return _highest([stats.beta(1 + arm.cases, 1 + arm.n - arm.cases) for arm in arms])


def _highest(laws: Sequence[stats.rv_frozen]) -> tuple[float, ...]:
    low = min(float(law.mean() - _REACH * law.std()) for law in laws)
    high = max(float(law.mean() + _REACH * law.std()) for law in laws)
    near = [np.linspace(law.mean() - _REACH * law.std(), law.mean() + _REACH * law.std(), _POINTS) for law in laws]
    grid = np.unique(np.concatenate([np.linspace(low, high, _POINTS), *near]))
    below = np.array([law.cdf(grid) for law in laws])
    middle = (below[:, 1:] + below[:, :-1]) / 2
    steps = np.diff(below, axis=1)
    parts = [float((np.delete(middle, arm, axis=0).prod(axis=0) * steps[arm]).sum()) for arm in range(len(laws))]
    whole = sum(parts)
    return tuple(part / whole for part in parts)
