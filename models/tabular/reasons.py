"""Why a score is what it is: contributions of columns summed to the features people know, largest first.

`weight` is a feature's share of all contributions by size, so the weights of all features add up to 1 (or are absent where nothing
contributes). The sum of contributions and the base is exactly the score's log-odds before calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.tabular.table import Floats

_NEGLIGIBLE = 1e-12


class Direction(Enum):
    """Which way a feature moves the probability."""

    RAISES = "raises"
    LOWERS = "lowers"


@dataclass(frozen=True, slots=True)
class FeatureReason:
    """One feature's part in a score; `weight` lies in (0, 1]."""

    feature: str
    direction: Direction
    weight: float


def rank_reasons(
    columns: tuple[str, ...], contributions: Floats, groups: Mapping[str, str]
) -> tuple[FeatureReason, ...]:
    """The reasons of one row; columns of one group (such as the indicators of one category) speak as one.

    >>> import numpy as np
    >>> for reason in rank_reasons(("plan_a", "plan_b", "orders"), np.array([1.0, 2.0, -1.0]), {"plan_a": "plan", "plan_b": "plan"}):
    ...     print(reason.feature, reason.direction.value, reason.weight)
    plan raises 0.75
    orders lowers 0.25
    """
    found: dict[str, float] = {}
    for column, value in zip(columns, contributions.tolist(), strict=True):
        feature = groups.get(column, column)
        found[feature] = found.get(feature, 0.0) + value
    total = sum(abs(value) for value in found.values())
    if total <= _NEGLIGIBLE:
        return ()
    ranked = sorted(found.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    return tuple(
        FeatureReason(feature, Direction.RAISES if value > 0 else Direction.LOWERS, abs(value) / total)
        for feature, value in ranked
        if abs(value) > _NEGLIGIBLE * total
    )
