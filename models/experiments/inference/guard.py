"""Guardrails: a metric that must not get worse by more than a margin, watched at every look.

"harmed" and "safe" are both claims of a confidence sequence, so they may be read daily; anything between is "watching".
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from models.experiments.inference.sequence import sequence

if TYPE_CHECKING:
    from models.experiments.inference.contrast import Contrast


class Better(Enum):
    """Which way a metric should move."""

    HIGHER = "higher"
    LOWER = "lower"


class Guarded(Enum):
    """What is known of a guardrail."""

    HARMED = "harmed"
    SAFE = "safe"
    WATCHING = "watching"


def guard(found: Contrast, *, better: Better, margin: float, tuning_n: float, alpha: float = 0.05) -> Guarded:
    """Whether the metric surely got worse, surely did not get worse by `margin` (on the contrast's scale, above 0), or neither yet."""
    looked = sequence(found, tuning_n=tuning_n, alpha=alpha)
    low, high = (looked.low, looked.high) if better is Better.HIGHER else (-looked.high, -looked.low)
    if high < 0:
        return Guarded.HARMED
    return Guarded.SAFE if low > -margin else Guarded.WATCHING
