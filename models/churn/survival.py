"""How long customers stay when nothing is known of them but how long they have stayed: the Kaplan-Meier curve.

Whoever has not left yet is censored: they count as staying up to the last moment they were seen, and as nothing afterwards. The curve is
the honest baseline of every forecast of a time. Source: Kaplan and Meier 1958; intervals by Greenwood's variance on the log-log scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.tabular.labels import LabelInputError, require_equal_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.table import Flags, Floats

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurvivalCurve:
    """`staying[k]` is the share that stays beyond `times[k]`; `at_risk` and `left` count customers. Times ascend, in any unit."""

    times: Floats
    staying: Floats
    at_risk: NDArray[np.int64]
    left: NDArray[np.int64]

    def at(self, time: Floats) -> Floats:
        """Shape of `time`: the share that stays beyond each; 1 before the first end, the last value after the last."""
        place = np.searchsorted(self.times, time, side="right") - 1
        return np.where(place < 0, 1.0, self.staying[np.maximum(place, 0)] if self.times.size else 1.0)

    def quantile(self, left: float) -> float | None:
        """The first time by which this share has left, or None where the curve never falls so far.

        >>> curve = kaplan_meier(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False]))
        >>> curve.quantile(0.5), curve.quantile(0.9)
        (2.0, None)
        """
        fallen = np.flatnonzero(self.staying <= 1 - left + 1e-12)
        return float(self.times[fallen[0]]) if fallen.size else None

    @property
    def median(self) -> float | None:
        """The time by which half have left, or None where fewer ever did."""
        return self.quantile(0.5)

    def bounds(self) -> tuple[Floats, Floats]:
        """The 95 % interval of `staying` at each time, inside [0, 1]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.cumsum(self.left / (self.at_risk * (self.at_risk - self.left)))
            log_stay = np.log(self.staying)
            half = _Z95 * np.sqrt(spread) / np.abs(log_stay)
            low, high = self.staying ** np.exp(half), self.staying ** np.exp(-half)
        inside = (self.staying > 0) & (self.staying < 1)
        return np.where(inside, low, self.staying), np.where(inside, high, self.staying)

    def from_now(self, stayed: Floats, ahead: float) -> Floats:
        """Shape of `stayed`: the chance to leave within `ahead`, for whoever has stayed so long already."""
        now = self.at(stayed)
        with np.errstate(invalid="ignore", divide="ignore"):
            leaving = 1 - self.at(stayed + ahead) / now
        return np.where(now > 0, leaving, 1.0)


def kaplan_meier(duration: Floats, ended: Flags) -> SurvivalCurve:
    """The curve of customers seen for `duration` each, who left at its end or (`ended` false) were still there.

    An end and a censoring at one time: the end comes first, as is usual.

    >>> kaplan_meier(np.array([1.0, 2.0, 2.0, 5.0]), np.array([True, True, False, False])).staying.tolist()
    [0.75, 0.5]
    """
    require_equal_length(duration=duration, ended=ended)
    if (duration < 0).any() or not np.isfinite(duration).all():
        raise LabelInputError("nobody stays for less than no time", least=float(np.min(duration, initial=0.0)))
    times, place = np.unique(duration[ended], return_inverse=True)
    left = np.bincount(place, minlength=times.size).astype(np.int64)
    at_risk = duration.size - np.searchsorted(np.sort(duration), times, side="left")
    staying = np.cumprod(1 - left / np.maximum(at_risk, 1)).astype(np.float64)
    return SurvivalCurve(times=times, staying=staying, at_risk=at_risk.astype(np.int64), left=left)


def concordance(duration: Floats, ended: Flags, risk: Floats) -> float | None:
    """Harrell's C: of pairs whose earlier end was seen, the share in which who left earlier had the higher risk; ties count half.

    None without such a pair. Counted over at most two thousand rows, evenly spread, since pairs are many.

    >>> concordance(np.array([1.0, 2.0, 3.0]), np.array([True, True, False]), np.array([0.9, 0.5, 0.1]))
    1.0
    """
    if duration.size > _MOST_ROWS:
        keep = np.linspace(0, duration.size - 1, _MOST_ROWS).astype(np.int64)
        duration, ended, risk = duration[keep], ended[keep], risk[keep]
    pairs = ended[:, None] & (duration[:, None] < duration[None, :])
    total = int(pairs.sum())
    if not total:
        return None
    ahead = (risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])
    return float(ahead[pairs].sum() / total)


_MOST_ROWS = 2000
