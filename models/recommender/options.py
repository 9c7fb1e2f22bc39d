"""What a caller may wish of a list beyond its length: which target, margin and taste as bounded tilts, and how many of a kind.

A tilt is in log-odds: margin moves an item by `margin_weight * log(margin / median margin)`, a taste by what the customer said, and neither
by more than its bound, so that no margin and no taste can put something irrelevant first. Weight 0 is pure relevance: the control.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from billing.kernel.errors import InvalidError
from models.recommender.choose import CodeQuota
from models.recommender.evaluate import NEW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.recommender.interactions import Floats

MOST_MARGIN_WEIGHT = 0.5
_MOST_MARGIN_RATIO = 4.0
MOST_TASTE = 1.0


class MarginWeightError(InvalidError):
    """The weight of margins is out of bounds."""

    code = "invalid_margin_weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most so many of the list in one group; items without a group are never held back."""

    group_of: Mapping[str, str]
    at_most: int

    def over(self, index: Mapping[str, int]) -> CodeQuota:
        """The same in item codes."""
        groups: dict[str, int] = {}
        codes = np.full(len(index), -1, dtype=np.int64)
        for item, group in self.group_of.items():
            if group and item in index:
                codes[index[item]] = groups.setdefault(group, len(groups))
        return CodeQuota(codes, self.at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`target` is new, any or reorder; margins in minor units of one currency; tastes in log-odds, each within `MOST_TASTE`."""

    target: str = NEW
    margins_minor: Mapping[str, int] = field(default_factory=dict)
    margin_weight: float = 0.0
    tastes: Mapping[str, float] = field(default_factory=dict)
    quota: Quota | None = None
    use_ranker: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.margin_weight <= MOST_MARGIN_WEIGHT:
            raise MarginWeightError(
                f"the weight of margins is between 0 and {MOST_MARGIN_WEIGHT:g}", margin_weight=self.margin_weight
            )


@dataclass(frozen=True, slots=True)
class Tilts:
    """What margin and taste add, each of shape (items,), None where nothing is wished."""

    margin: Floats | None
    liked: Floats | None

    @classmethod
    def of(cls, options: Options, index: Mapping[str, int], size: int) -> Tilts:
        """The tilts over item codes."""
        margin = margin_tilt(options.margins_minor, options.margin_weight, index, size)
        liked = None
        if options.tastes:
            liked = np.zeros(size)
            for item, taste in options.tastes.items():
                if item in index:
                    liked[index[item]] = min(max(taste, -MOST_TASTE), MOST_TASTE)
        return cls(margin, liked)

    @property
    def both(self) -> Floats | None:
        """Their sum, or None."""
        if self.margin is None or self.liked is None:
            return self.margin if self.liked is None else self.liked
        return self.margin + self.liked

    def scale(self, scores: Floats) -> Floats:
        """Scores of a level that knows no chances: those above zero grow as their odds would."""
        tilt = self.both
        return scores if tilt is None else np.where(scores > 0, scores * np.exp(tilt), scores)


def margin_tilt(margins_minor: Mapping[str, int], weight: float, index: Mapping[str, int], size: int) -> Floats | None:
    """The tilt weight * log(margin / median), the ratio held within a quarter and four; 0 where no margin is known.

    >>> margin_tilt({"a": 100, "b": 400, "c": 100_000}, 0.5, {"a": 0, "b": 1, "c": 2, "d": 3}, 4).round(3).tolist()
    [-0.693, 0.0, 0.693, 0.0]
    """
    known = {index[item]: margin for item, margin in margins_minor.items() if item in index}
    if not known or weight == 0.0:
        return None
    codes = np.fromiter(known, dtype=np.int64, count=len(known))
    margins = np.fromiter(known.values(), dtype=np.float64, count=len(known))
    usual = max(float(np.median(margins)), 1.0)
    ratio = np.clip(np.maximum(margins, 0.0) / usual, 1.0 / _MOST_MARGIN_RATIO, _MOST_MARGIN_RATIO)
    tilt = np.zeros(size)
    tilt[codes] = weight * np.log(ratio)
    return tilt
