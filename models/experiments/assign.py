"""Which arm a unit is in: a range of the hash's interval for each arm, so that raising coverage never moves who is enrolled.

Coverage shrinks each arm's range from its right end; weights fix where the ranges begin. A namespace holds units of one layer apart, so
that experiments which share a placement never meet in one customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from models.experiments.hashing import fraction

if TYPE_CHECKING:
    from collections.abc import Sequence

Range: TypeAlias = tuple[float, float]
NOT_IN = -1
_SLACK = 1e-9


class AllocationError(ValueError):
    """Weights or a coverage that allocate nothing sensible."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """The part [start, end) of a layer that an experiment may use."""

    layer: str
    start: float
    end: float

    def holds(self, unit: str) -> bool:
        """Whether a unit falls into this part of the layer.

        >>> Namespace("pricing", 0, 0.5).holds("user-1"), Namespace("pricing", 0.5, 1).holds("user-1")
        (True, False)
        """
        return self.start <= fraction(f"__{self.layer}", unit, version=1) < self.end


def ranges(arms: int, coverage: float = 1.0, weights: Sequence[float] | None = None) -> tuple[Range, ...]:
    """One half-open range an arm. Raises AllocationError when weights do not sum to one or the coverage is not in [0, 1].

    >>> ranges(2, 0.5, [0.4, 0.6])
    ((0.0, 0.2), (0.4, 0.7))
    """
    shares = [1 / arms] * arms if weights is None else list(weights)
    if len(shares) != arms or any(share < 0 for share in shares) or abs(sum(shares) - 1) > _SLACK:
        raise AllocationError(f"{arms} arms need as many weights of at least 0 that sum to 1, not {shares}")
    if not 0 <= coverage <= 1:
        raise AllocationError(f"the coverage is between 0 and 1, not {coverage}")
    starts = [0.0, *accumulate(shares)][:-1]
    return tuple((start, start + coverage * share) for start, share in zip(starts, shares, strict=True))


def arm_at(place: float, allocation: Sequence[Range]) -> int:
    """The arm whose range holds a place in [0, 1), or NOT_IN."""
    for arm, (start, end) in enumerate(allocation):
        if start <= place < end:
            return arm
    return NOT_IN


def assign(seed: str, unit: str, allocation: Sequence[Range]) -> int:
    """The arm of a unit, by its key and the experiment's seed alone; NOT_IN outside the coverage.

    >>> assign("checkout-upsell", "user-2", ranges(2)), assign("checkout-upsell", "user-3", ranges(2))
    (1, 0)
    """
    return arm_at(fraction(seed, unit), allocation)
