"""Whether values have moved since training: how far (PSI) and how surely (a chi-square test over the same bins), for many columns at once.

The population stability index says how large a shift is and nothing about chance: with few rows it is large by itself. So a shift counts
only where both speak. Many columns are looked at, hence the correction of Benjamini and Hochberg (1995) for what is noticed and that of
Holm (1979) for what may raise an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 10
FEWEST = 100
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Bins:
    """How values lay: `edges` between the bins (one less than they are many), the count in each, and how many were missing."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int

    @property
    def rows(self) -> int:
        """All values, missing ones too."""
        return sum(self.counts) + self.missing

    def to_document(self) -> dict[str, Any]:
        """JSON values."""
        return {"edges": list(self.edges), "counts": list(self.counts), "missing": self.missing}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Bins:
        """The bins that `to_document` wrote."""
        return cls(tuple(document["edges"]), tuple(document["counts"]), int(document["missing"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far a column moved (`psi`; above .1 is worth a look, above .25 is large) and how likely chance moves it so far (`p_value`)."""

    psi: float
    p_value: float
    rows: int
    missing_then: float
    missing_now: float


def bin_values(values: Floats, bins: int = BINS) -> Bins:
    """Bins of about equally many values; a value that is common has a bin of its own. Missing values (NaN) are counted apart.

    >>> bin_values(np.array([1.0, 1.0, 1.0, 2.0, np.nan]))
    Bins(edges=(1.0,), counts=(3, 1), missing=1)
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return Bins((), (0,), int(values.size))
    places = np.sort(known)[(np.arange(1, bins) * known.size) // bins]
    edges = np.unique(places[places < known.max()])
    return Bins(tuple(edges.tolist()), _counted(edges, known), int(values.size - known.size))


def shift_of(then: Bins, values: Floats) -> Shift:
    """How values compare with how they lay then. With fewer than `FEWEST` rows on either side chance explains everything (p of 1)."""
    known = values[~np.isnan(values)]
    counts = _counted(np.asarray(then.edges), known)
    before = np.array([*then.counts, then.missing], dtype=np.float64)
    after = np.array([*counts, values.size - known.size], dtype=np.float64)
    used = before + after > 0
    before, after = before[used], after[used]
    psi = _psi(before, after)
    few = min(then.rows, values.size) < FEWEST
    return Shift(
        psi=psi,
        p_value=1.0 if few else _p_value(before, after),
        rows=int(values.size),
        missing_then=then.missing / max(then.rows, 1),
        missing_now=1 - known.size / max(values.size, 1),
    )


def adjusted_by_holm(p_values: Sequence[float], tests: int | None = None) -> list[float]:
    """Holm's adjusted p-values, in the order given; `tests` counts further tests of the family that are not listed.

    >>> adjusted_by_holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    many, order = max(tests or 0, len(p_values)), np.argsort(p_values, kind="stable")
    found, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (many - rank) * p_values[place]))
        found[place] = highest
    return found


def adjusted_by_bh(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's adjusted p-values, in the order given: the least false discovery rate at which each is noticed.

    >>> adjusted_by_bh([0.01, 0.04, 0.03, 0.5])
    [0.04, 0.05333333333333334, 0.05333333333333334, 0.5]
    """
    many, order = len(p_values), np.argsort(p_values, kind="stable")
    found, lowest = [0.0] * many, 1.0
    for rank in range(many - 1, -1, -1):
        place = int(order[rank])
        lowest = min(lowest, p_values[place] * many / (rank + 1))
        found[place] = lowest
    return found


def _counted(edges: Floats, known: Floats) -> tuple[int, ...]:
    """How many values lie in each bin; an edge belongs to the bin below it."""
    places = np.searchsorted(edges, known, side="left")
    return tuple(np.bincount(places, minlength=edges.size + 1).tolist())


def _psi(before: Floats, after: Floats) -> float:
    """With half a row added to every bin, so that an empty one costs something finite."""
    first = (before + _HALF) / (before + _HALF).sum()
    second = (after + _HALF) / (after + _HALF).sum()
    return float(((second - first) * np.log(second / first)).sum())


def _p_value(before: Floats, after: Floats) -> float:
    """Pearson's test that both samples come from one distribution; bins that expect fewer than five are joined first."""
    before, after = _joined(before, after)
    if before.size < 2:
        return 1.0
    table = np.stack([before, after])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    return float(chdtrc(before.size - 1, statistic))


def _joined(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    least = min(before.sum(), after.sum()) / (before.sum() + after.sum())
    joined: list[list[float]] = []
    for first, second in zip(before.tolist(), after.tolist(), strict=True):
        if joined and (joined[-1][0] + joined[-1][1]) * least < 5:
            joined[-1] = [joined[-1][0] + first, joined[-1][1] + second]
        else:
            joined.append([first, second])
    if len(joined) > 1 and sum(joined[-1]) * least < 5:
        last = joined.pop()
        joined[-1] = [joined[-1][0] + last[0], joined[-1][1] + last[1]]
    return np.array([one[0] for one in joined]), np.array([one[1] for one in joined])
