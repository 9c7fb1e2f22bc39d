"""The stage of life a customer is in, by the rhythm of their own visits: new, active, at risk, lapsed, returned, or never came. Pure.

A visit is a day with an order, or, for who never orders, a day of use. The own rhythm is the mean gap between visits, drawn to the
shop's typical gap with the weight of two gaps, so that one or two visits say little and many say all. A customer is at risk when
the wait since the last visit passes one and a half of their own gaps, and lapsed when it passes three. Who came back after a lapse is
returned for three gaps, and then active again. All of it follows from the visits: asked again as of an earlier day, it is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AT_RISK: Final = 1.5
LAPSED: Final = 3.0
TYPICAL_WEIGHT: Final = 2
DEFAULT_GAP_DAYS: Final = 30.0
NEW_VISITS: Final = 2


class Stage(Enum):
    """Where a customer is; `prospect` never came."""

    PROSPECT = "prospect"
    NEW = "new"
    ACTIVE = "active"
    AT_RISK = "at_risk"
    LAPSED = "lapsed"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage, and why: days since the last visit against the customer's own gap."""

    stage: Stage
    waited_days: int | None
    gap_days: float

    @property
    def sentence(self) -> str:
        """The reason in words.

        >>> stage_of([0, 10, 20], 45, typical_gap=10.0).sentence
        'at risk: 25 days since the last visit, which comes every 10 days'
        """
        name = self.stage.value.replace("_", " ")
        if self.waited_days is None:
            return f"{name}: no visit yet"
        return f"{name}: {self.waited_days} days since the last visit, which comes every {self.gap_days:.0f} days"


def stage_of(visits: Sequence[int], today: int, *, typical_gap: float, subscribed: bool = False) -> Standing:
    """The stage on day `today` of who came on these different days, in order, all before or on it (whole days since 1970).

    `subscribed` customers that never came are active: they pay, whether or not a visit is recorded.
    """
    if not visits:
        return Standing(Stage.ACTIVE if subscribed else Stage.PROSPECT, None, typical_gap)
    gap, waited = own_gap(visits, typical_gap), today - visits[-1]
    if waited > LAPSED * gap:
        stage = Stage.LAPSED
    elif waited > AT_RISK * gap:
        stage = Stage.AT_RISK
    elif _came_back(visits, today, typical_gap):
        stage = Stage.RETURNED
    else:
        stage = Stage.NEW if len(visits) <= NEW_VISITS and today - visits[0] <= LAPSED * gap else Stage.ACTIVE
    return Standing(stage, waited, gap)


def own_gap(visits: Sequence[int], typical_gap: float) -> float:
    """The mean gap in days between visits, drawn to the shop's; never under a day.

    >>> own_gap([0, 10, 20, 30], 30.0), own_gap([5], 30.0)
    (18.0, 30.0)
    """
    gaps = len(visits) - 1
    own = visits[-1] - visits[0]
    return max(1.0, (own + TYPICAL_WEIGHT * typical_gap) / (gaps + TYPICAL_WEIGHT))


def typical_gap_of(everybody: Iterable[Sequence[int]]) -> float:
    """The shop's typical gap: the median over customers with two or more visits of their mean gap; 30 days where there are none."""
    means = [(visits[-1] - visits[0]) / (len(visits) - 1) for visits in everybody if len(visits) > 1]
    return max(1.0, median(means)) if means else DEFAULT_GAP_DAYS


def _came_back(visits: Sequence[int], today: int, typical_gap: float) -> bool:
    """Whether a visit of the last three gaps ended a wait that had passed for a lapse, by the rhythm known before it."""
    for place in range(len(visits) - 1, 0, -1):
        before = own_gap(visits[:place], typical_gap)
        if today - visits[place] > LAPSED * before:
            return False
        if visits[place] - visits[place - 1] > LAPSED * before:
            return True
    return False
