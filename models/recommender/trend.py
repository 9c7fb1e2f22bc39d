"""How much faster or slower an item sells now than it used to: a factor on relevance, 1 when nothing changed or little is known.

The unit is customers faded by age; `prior` customers are added to both sides, so that an item with little data keeps a lift near 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.interactions import Floats, Interactions, decay

if TYPE_CHECKING:
    from models.recommender.interactions import Codes, Longs


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendConfig:
    """How short the memory of "now" is, how much evidence it takes, and how strongly it counts (0: not at all)."""

    half_life_days: float = 7.0
    prior: float = 2.0
    exponent: float = 0.8


def trend_lift(interactions: Interactions, as_of_us: int, config: TrendConfig) -> Floats:
    """Shape (items,): (recent + prior) / (expected from all time + prior), to the power of the exponent."""
    _, col, at_us = interactions.before(as_of_us).latest()
    return _lift(col, as_of_us - at_us, interactions.items.size, config)


def _lift(col: Codes, age_us: Longs, items: int, config: TrendConfig) -> Floats:
    faded = decay(age_us, config.half_life_days)
    recent = np.bincount(col, faded, minlength=items)
    ever = np.bincount(col, minlength=items)
    expected = ever * (faded.sum() / max(col.size, 1))
    lift: Floats = ((recent + config.prior) / (expected + config.prior)) ** config.exponent
    return lift
