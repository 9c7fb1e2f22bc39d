"""Whether the arms have as many units as they should: if not, something loses units, and no other figure can be trusted.

The chi-squared test is for display; looked at daily it cries wolf ever more often. The Dirichlet-multinomial Bayes factor (Lindon & Malek
2022) may be looked at always, and is what pauses an experiment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats
from scipy.special import gammaln

from models.experiments.inference.contrast import NotComputable

if TYPE_CHECKING:
    from collections.abc import Sequence

ALARM_BELOW = 0.001
CONCENTRATION = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Both views of one split; `chi2` with as many degrees of freedom as arms with a weight, less one."""

    chi2: float
    p_value: float
    log_bayes_factor: float
    anytime_p_value: float

    @property
    def is_alarming(self) -> bool:
        """Whether the experiment is to be paused; valid at every look."""
        return self.anytime_p_value < ALARM_BELOW


def sample_ratio(observed: Sequence[int], weights: Sequence[float]) -> Split | NotComputable:
    """Counts of units by arm against the weights they were assigned by. An arm of weight zero takes no part, unless it has units."""
    if any(count and not weight for count, weight in zip(observed, weights, strict=True)):
        return Split(chi2=math.inf, p_value=0.0, log_bayes_factor=math.inf, anytime_p_value=0.0)
    parts = [(count, weight) for count, weight in zip(observed, weights, strict=True) if weight > 0]
    total, whole = sum(count for count, _ in parts), sum(weight for _, weight in parts)
    if len(parts) < 2 or not total:
        return NotComputable("a ratio needs two arms and a unit")
    shares = [weight / whole for _, weight in parts]
    counts = [count for count, _ in parts]
    chi2 = sum((count - total * share) ** 2 / (total * share) for count, share in zip(counts, shares, strict=True))
    log_bayes = _log_bayes_factor(counts, shares)
    return Split(
        chi2=chi2,
        p_value=float(stats.chi2.sf(chi2, len(parts) - 1)),
        log_bayes_factor=log_bayes,
        anytime_p_value=math.exp(min(-log_bayes, 0.0)),
    )


def _log_bayes_factor(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Of a Dirichlet around the intended shares against exactly the intended shares."""
    prior = [share * CONCENTRATION for share in shares]
    mixed = gammaln(sum(prior)) - gammaln(sum(prior) + sum(counts))
    mixed += sum(gammaln(part + count) - gammaln(part) for part, count in zip(prior, counts, strict=True))
    exact = sum(count * math.log(share) for count, share in zip(counts, shares, strict=True))
    return float(mixed - exact)
