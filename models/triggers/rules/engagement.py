"""A customer uses the product more than they used to, or more of it: measured against their own past, never against others.

Rising: the last seven days lie above the weeks before by more than two standard deviations, where a week's own scatter is at least that of
a Poisson count. Deeper: kinds of events that they never sent before.
"""

from __future__ import annotations

import math
from datetime import timedelta
from statistics import fmean, pvariance
from typing import TYPE_CHECKING, ClassVar, Final

from models.triggers.contract import Fired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.triggers.facts import Activity, Facts

LASTS: Final = timedelta(days=14)
REST: Final = timedelta(days=28)
FAR: Final = 2.0
_WEEKS_KNOWN: Final = 2
_MOST_SHOWN: Final = 5


class Engagement:
    """Fires when use rises or becomes deeper; both wait four weeks before they fire again."""

    key: ClassVar[str] = "engagement"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """At most one: a rise says more than a new kind of use."""
        activity = facts.activity
        if activity is None or (self.key, None) in facts.silent or activity.week < facts.settings.active_events:
            return
        distance = distance_of(activity)
        new = sorted(activity.types - activity.types_before)
        if distance is not None and distance >= FAR:
            before = round(fmean(activity.weeks_before), 1)
            yield self._fired(
                facts, "rising", distance / (distance + FAR), {"week": activity.week, "weeks_before": before}
            )
        elif new and activity.types_before:
            share = len(new) / len(activity.types)
            yield self._fired(facts, "deeper", 0.3 + 0.4 * share, {"new": new[:_MOST_SHOWN]})

    def _fired(self, facts: Facts, sign: str, strength: float, evidence: dict[str, object]) -> Fired:
        return Fired(
            trigger=self.key,
            subject=None,
            strength=strength,
            once_key=f"{sign}:{facts.now:%G-W%V}",
            at=facts.now,
            expires_at=facts.now + LASTS,
            rearms_at=facts.now + REST,
            evidence={"sign": sign, **evidence},
        )


def distance_of(activity: Activity) -> float | None:
    """How many standard deviations the last week lies above the weeks before; None with fewer than two active ones among them.

    >>> from models.triggers.facts import Activity
    >>> nothing = frozenset()
    >>> round(distance_of(Activity(week=40, weeks_before=(16, 16, 16, 16), types=nothing, types_before=nothing)), 2)
    5.37
    """
    weeks = activity.weeks_before
    if sum(count > 0 for count in weeks) < _WEEKS_KNOWN:
        return None
    mean = fmean(weeks)
    scatter = max(pvariance(weeks), mean)
    return (activity.week - mean) / math.sqrt(scatter + mean / len(weeks))
