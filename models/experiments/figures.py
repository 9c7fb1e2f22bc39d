"""From what the database added up to what tests read: each kind of metric's mean and variance by arm, and arms against control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.experiments.moments import Moments
from models.experiments.inference.contrast import Contrast, NotComputable, contrast
from models.experiments.inference.cuped import adjust
from models.experiments.inference.sums import Cases, Pairs, Summarised, Sums, ratio
from models.experiments.plan import MetricKind

if TYPE_CHECKING:
    from models.experiments.inference.sums import Summary
    from models.experiments.plan import Metric

FEWEST_FOR_THE_PAST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """An arm against control: both as they are, the contrast that tests read, and the share of variance that the past explained."""

    control: Summary | None
    treatment: Summary | None
    found: Contrast | NotComputable
    explained: float = 0.0


def summary(metric: Metric, sums: Moments | Summarised, *, clustered: bool = False) -> Summary | None:
    """An arm's mean and variance; None where a ratio has nothing to divide by. Clusters turn a mean or rate into a ratio over members.

    >>> from models.experiments.plan import Metric
    >>> summary(Metric(key="conversion", kind=MetricKind.RATE), Moments(n=10, y=2, yy=2)).mean
    0.2
    """
    if isinstance(sums, Summarised):
        return sums
    if clustered or metric.kind is MetricKind.RATIO:
        return ratio(pairs(sums))
    if metric.kind in {MetricKind.RATE, MetricKind.RETENTION}:
        return Cases(sums.n, round(sums.y))
    return Sums(sums.n, sums.y, sums.yy)


def pairs(sums: Moments) -> Pairs:
    """The outcome and what stands beside it."""
    return Pairs(n=sums.n, y=sums.y, x=sums.x, yy=sums.yy, xx=sums.xx, xy=sums.xy)


def compare(
    metric: Metric,
    control: Moments | Summarised | None,
    treatment: Moments | Summarised | None,
    *,
    clustered: bool = False,
) -> Compared:
    """Treatment against control on the log-ratio scale, less what the past explains where the metric uses it."""
    if control is None or treatment is None:
        return Compared(control=None, treatment=None, found=NotComputable("an arm has no units yet"))
    ours, theirs = summary(metric, treatment, clustered=clustered), summary(metric, control, clustered=clustered)
    if ours is None or theirs is None:
        return Compared(control=theirs, treatment=ours, found=NotComputable("an arm has nothing to divide by"))
    if _has_past(metric, control, treatment, clustered=clustered):
        assert isinstance(control, Moments) and isinstance(treatment, Moments)  # noqa: S101, PT018 (what _has_past found)
        moved = adjust(control, treatment)
        found = contrast(moved.control, moved.treatment)
        if isinstance(found, Contrast):
            return Compared(control=theirs, treatment=ours, found=found, explained=moved.explained)
    return Compared(control=theirs, treatment=ours, found=contrast(theirs, ours))


def _has_past(
    metric: Metric, control: Moments | Summarised, treatment: Moments | Summarised, *, clustered: bool
) -> bool:
    if clustered or not metric.uses_past or metric.kind is not MetricKind.MEAN:
        return False
    if not isinstance(control, Moments) or not isinstance(treatment, Moments):
        return False
    both = control + treatment
    return min(control.n, treatment.n) >= FEWEST_FOR_THE_PAST and both.xx > 0
