"""A confidence sequence: an interval that may be looked at every day and acted upon at any, with the same error overall.

The asymptotic sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2023), with the normal mixture. It is tightest when `tuning_n`
units were seen, which the power plan says; it is fixed when the experiment starts, because choosing it later would be peeking.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.experiments.inference.contrast import Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequenced:
    """The interval now, on the contrast's scale, and the anytime-valid p-value (its least value over time may be kept)."""

    low: float
    high: float
    p_value: float
    rho: float

    @property
    def decides(self) -> bool:
        """Whether no effect lies outside the interval."""
        return self.low > 0 or self.high < 0


def mixture(tuning_n: float, alpha: float = 0.05) -> float:
    """The mixture's precision at which the interval is tightest after `tuning_n` units.

    >>> round(mixture(5000), 6)
    0.03984
    """
    spent = -2 * math.log(alpha)
    return math.sqrt((spent + math.log(spent + 1)) / tuning_n)


def sequence(found: Contrast, *, tuning_n: float, alpha: float = 0.05) -> Sequenced:
    """The sequence at this look."""
    rho = mixture(tuning_n, alpha)
    spread = found.n * rho * rho + 1
    half = found.se * math.sqrt(2 * spread * math.log(math.sqrt(spread) / alpha) / (found.n * rho * rho))
    z = found.effect / found.se
    log_evidence = z * z * found.n * rho * rho / (2 * spread) - math.log(spread) / 2
    p_value = math.exp(min(-log_evidence, 0.0))
    return Sequenced(low=found.effect - half, high=found.effect + half, p_value=p_value, rho=rho)
