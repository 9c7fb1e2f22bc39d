"""The interval of incremental money holds the truth at least 93 times in 100, with holdouts of a few dozen and money of any shape.

The truth is what offers brought those who got them, known because both of everybody's lives are drawn.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.experiments.inference.sums import Pairs
from models.success.incremental import Incremental, estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNS = 500
FEWEST_COVERED = 0.93 - 0.02  # two standard errors of a share over as many runs below what is promised


def _shop(kind: str, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], ...]:
    """Money before, money without offers, money with offers: fees by plan and months stayed, and use that may be heavy-tailed."""
    plan = rng.choice([900.0, 1900.0, 4900.0], count, p=[0.6, 0.3, 0.1])
    used = rng.lognormal(5, 1.8, count) if kind == "heavy" else rng.gamma(0.4, 600, count)
    months = np.minimum(rng.geometric(0.06, count), 3)
    without = (plan + used) * months
    moved = (rng.random(count) < 0.08) * 2000.0 * rng.integers(1, 4, count)
    lost = (rng.random(count) < 0.03) * plan * rng.integers(1, 3, count)
    return plan * rng.integers(1, 4, count), without, without + moved - lost


@pytest.mark.parametrize(
    ("kind", "count", "share"), [("fees", 1000, 0.05), ("fees", 600, 0.1), ("heavy", 1000, 0.05), ("heavy", 600, 0.1)]
)
def test_the_interval_holds_what_offers_brought(kind: str, count: int, share: float) -> None:
    """Welch's alone holds 88 to 92 in 100 of the heavy ones."""
    rng = np.random.default_rng(17)
    given, covered = 0, 0
    for _ in range(RUNS):
        past, without, with_offers = _shop(kind, count, rng)
        kept = rng.random(count) < share
        found = estimate(
            Pairs.of(with_offers[~kept].tolist(), past[~kept].tolist()),
            Pairs.of(without[kept].tolist(), past[kept].tolist()),
            running=timedelta(days=90),
        )
        if isinstance(found, Incremental):
            truth = float((with_offers - without)[~kept].sum())
            given, covered = given + 1, covered + (found.total_low <= truth <= found.total_high)

    assert given > 0.9 * RUNS
    assert covered / given >= FEWEST_COVERED
