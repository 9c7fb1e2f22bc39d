"""Why an item got its score, exactly: every part of the sum belongs to an item the customer has, or to the item's own trend.

For one target, the parts that speak for it are: each history item's positive weight; what the trend adds where it lifts (the rest of the
product is left with the history items, shrunk where the trend lowers); the repeat term; and the popularity term. Shares are parts over
their sum. What speaks against an item (negative weights) lowers its score, and is no reason to show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.recommendation import BECAUSE_YOU_BOUGHT, GOES_WITH_CART, TRENDING, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.recommender.interactions import Codes, Floats

_REASONS = 3
_SMALLEST_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The parts of one customer's scores.

    `sources` are item codes; `targets` and `parts` (sources, K) are where each speaks and how strongly before the trend; `lift`, `repeats`
    and `shared` have shape (items,).
    """

    sources: NDArray[np.int64]
    in_cart: frozenset[int]
    targets: Codes
    parts: Floats
    lift: Floats
    repeats: Floats
    shared: Floats

    def own(self) -> Floats:
        """Shape (items,): everything that rests on this customer; popularity comes on top."""
        summed = np.bincount(self.targets.ravel(), self.parts.ravel(), minlength=self.lift.size)
        own: Floats = summed * self.lift + self.repeats
        return own


def explain_personal(evidence: Evidence, chosen: Sequence[int], keys: Sequence[str]) -> dict[int, tuple[Reason, ...]]:
    """The strongest reasons of each chosen item code, shares descending; at most three, none below a twentieth."""
    if not chosen:
        return {}
    place = np.full(evidence.lift.size, -1, dtype=np.int64)
    place[list(chosen)] = np.arange(len(chosen))
    landed = place[evidence.targets]
    source, column = np.nonzero((landed >= 0) & (evidence.parts > 0))
    table = np.zeros((len(chosen), evidence.sources.size))
    np.add.at(table, (landed[source, column], source), evidence.parts[source, column])
    lifts = evidence.lift[list(chosen)]
    trends = table.sum(axis=1) * np.maximum(lifts - 1.0, 0.0) + evidence.shared[list(chosen)]
    table *= np.minimum(lifts, 1.0)[:, None]
    repeats = evidence.repeats[list(chosen)]
    totals = table.sum(axis=1) + trends + repeats
    strongest = np.argsort(-table, axis=1, kind="stable")[:, :_REASONS]
    reasons = {}
    for number, code in enumerate(chosen):
        total = totals[number]
        parts = [(float(table[number, at] / total), *_because(evidence, int(at), keys)) for at in strongest[number]]
        parts.append((float(trends[number] / total), TRENDING, None))
        parts.append((float(repeats[number] / total), BECAUSE_YOU_BOUGHT, keys[code]))
        parts.sort(key=lambda part: -part[0])
        told = parts[:1] + [part for part in parts[1:_REASONS] if part[0] >= _SMALLEST_SHARE]
        reasons[code] = tuple(Reason(kind, item, share) for share, kind, item in told)
    return reasons


def _because(evidence: Evidence, at: int, keys: Sequence[str]) -> tuple[str, str | None]:
    code = int(evidence.sources[at])
    return (GOES_WITH_CART if code in evidence.in_cart else BECAUSE_YOU_BOUGHT), keys[code]
