"""A moment in a subscription's life that asks for a decision anyway: a trial that ends in so many days, a renewal that is near.

A renewal says something where periods are longer than two months: with shorter ones a renewal is always near.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from models.triggers.contract import Fired

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from models.triggers.facts import Facts, Standing

_DAY: Final = timedelta(days=1)
LONG_PERIOD_DAYS: Final = 62


class LifeCycle:
    """Fires once for each day before a trial's end that is set, and once for each renewal."""

    key: ClassVar[str] = "life_cycle"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """At most one: a trial has no renewal yet."""
        standing = facts.standing
        if standing is None:
            return
        if standing.trial_ends_at is not None and facts.now < standing.trial_ends_at:
            left = _days_left(facts.now, standing.trial_ends_at)
            mark = min((day for day in facts.settings.trial_days_left if left <= day), default=None)
            if mark is not None:
                strength = 1 - (left - 1) / (2 * max(facts.settings.trial_days_left))
                yield self._fired(facts, standing, "trial_ending", standing.trial_ends_at, f":{mark}", strength)
        elif standing.renews_at is not None and standing.period_days > LONG_PERIOD_DAYS:
            left = _days_left(facts.now, standing.renews_at)
            if facts.now < standing.renews_at and left <= facts.settings.renewal_days:
                yield self._fired(facts, standing, "renewal_near", standing.renews_at, "", 0.6)

    def _fired(  # noqa: PLR0917 (what differs between the two moments, in the order it is read)
        self, facts: Facts, standing: Standing, moment: str, until: datetime, mark: str, strength: float
    ) -> Fired:
        return Fired(
            trigger=self.key,
            subject=standing.plan,
            strength=strength,
            once_key=f"{moment}:{until:%Y-%m-%dT%H:%M}{mark}",
            at=facts.now,
            expires_at=until,
            rearms_at=until,
            evidence={"moment": moment, "days_left": _days_left(facts.now, until)},
        )


def _days_left(now: datetime, until: datetime) -> int:
    """Whole days that are begun until then: the last 24 hours are one."""
    return max(math.ceil((until - now) / _DAY), 1)
