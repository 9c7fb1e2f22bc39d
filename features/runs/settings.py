"""How a tenant's models learn by themselves: how often, at which hour of its day, how long a challenger stands in the shadow. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.cadence import zone_of
from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_SHADOW_DAYS = 30
_DAYS_OF_WEEK = 7


class Every(Enum):
    """How often models are trained; what is scored and watched is so on every one of these days too."""

    NIGHT = "night"
    WEEK = "week"
    NEVER = "never"


class LearningSettingsError(InvalidError):
    """Settings that cannot be kept to."""

    code = "invalid_learning_settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningSettings:
    """`hour` is of the tenant's zone; weeks begin on Monday. The first champion of a task never waits in the shadow."""

    every: Every = Every.NIGHT
    hour: int = 3
    shadow_days: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.hour <= 23:
            raise LearningSettingsError("the hour is 0 to 23 of the tenant's own day", hour=self.hour)
        if not 0 <= self.shadow_days <= LONGEST_SHADOW_DAYS:
            raise LearningSettingsError(
                f"a challenger stands in the shadow for 0 to {LONGEST_SHADOW_DAYS} days", shadow_days=self.shadow_days
            )

    def next_after(self, moment: datetime, zone: str) -> datetime | None:
        """The next hour to train at, strictly after a moment, in UTC; None where nothing is trained by itself.

        An hour that a change of the clocks leaves out falls on the one after it.
        """
        if self.every is Every.NEVER:
            return None
        local = moment.astimezone(zone_of(zone))
        due = local.replace(hour=self.hour, minute=0, second=0, microsecond=0, fold=0)
        for _ in range(_DAYS_OF_WEEK + 2):
            on_this_day = self.every is Every.NIGHT or due.weekday() == 0
            if on_this_day and due.astimezone(UTC) > moment:
                return due.astimezone(UTC)
            due += timedelta(days=1)
        raise LearningSettingsError("no hour was found within nine days", hour=self.hour)
