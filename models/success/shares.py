"""A share beside its holdout: how many of the offered did something, how many of the held-out, and the interval of the difference.

Newcombe's hybrid of two Wilson intervals (Newcombe 1998, method 10): it holds for small arms and for shares of 0 and 1, where the usual
interval has no width at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from models.experiments.inference.sums import Cases

FEWEST_UNITS: Final = 10
MARGIN: Final = 0.02


class Harm(Enum):
    """What may be said of a guardrail: a share that should not grow."""

    HARMED = "harmed"
    SAFE = "safe"
    WATCHING = "watching"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Two shares and their difference (offered less held out) with its interval; figures are None where an arm is too small."""

    offered: Cases
    held_out: Cases
    difference: float | None
    low: float | None
    high: float | None
    why: str = ""

    @property
    def harm(self) -> Harm:
        """Of a share that should not grow by more than two points in a hundred: surely grown, surely not, or not yet known."""
        if self.low is None or self.high is None:
            return Harm.WATCHING
        if self.low > 0:
            return Harm.HARMED
        return Harm.SAFE if self.high < MARGIN else Harm.WATCHING


def beside(offered: Cases, held_out: Cases, level: float = 0.95) -> Beside:
    """The offered beside the held-out.

    >>> from models.experiments.inference.sums import Cases
    >>> found = beside(Cases(70, 56), Cases(80, 48))
    >>> round(found.difference, 4), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    if min(offered.n, held_out.n) < FEWEST_UNITS:
        why = f"fewer than {FEWEST_UNITS} customers in an arm"
        return Beside(offered=offered, held_out=held_out, difference=None, low=None, high=None, why=why)
    low_one, high_one = wilson(offered, level)
    low_other, high_other = wilson(held_out, level)
    one, other = offered.mean, held_out.mean
    return Beside(
        offered=offered,
        held_out=held_out,
        difference=one - other,
        low=one - other - math.hypot(one - low_one, high_other - other),
        high=one - other + math.hypot(high_one - one, other - low_other),
    )


def wilson(cases: Cases, level: float = 0.95) -> tuple[float, float]:
    """The interval of one share (Wilson 1927).

    >>> from models.experiments.inference.sums import Cases
    >>> [round(bound, 4) for bound in wilson(Cases(10, 0))]
    [0.0, 0.2775]
    """
    if cases.n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, grown = cases.mean, cases.n + z * z
    middle = (cases.cases + z * z / 2) / grown
    half = z / grown * math.sqrt(cases.n * share * (1 - share) + z * z / 4)
    return (0.0 if cases.cases == 0 else middle - half), (1.0 if cases.cases == cases.n else middle + half)
