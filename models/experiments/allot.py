"""Who is in which arm of a running experiment now: the layer first, then the arm that was kept, then the hash at today's coverage.

Seeds of layer and arms differ, so that a place in a layer says nothing about an arm. Raising coverage moves nobody; a bandit's shares
move only who was not exposed yet, since a bandit keeps arms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.experiments.assign import NOT_IN, assign, ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.experiments.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotted:
    """An arm and the chance with which it was drawn among those who take part."""

    arm: str
    propensity: float
    is_kept: bool = False


def allot(
    plan: Plan, unit: str, *, coverage: float, shares: Mapping[str, float] | None = None, kept: str | None = None
) -> Allotted | None:
    """The arm of a unit (the key of whom the plan draws), or None where it takes no part.

    `shares` replaces the plan's weights (a bandit), `kept` is the arm in which a sticky experiment first saw the unit.

    >>> from models.experiments.plan import Arm, Metric, MetricKind, Plan
    >>> plan = Plan(key="upsell", salt="checkout-upsell", arms=(Arm(key="a", weight=0.5), Arm(key="b", weight=0.5)),
    ...             primary=Metric(key="revenue", kind=MetricKind.MEAN))
    >>> allot(plan, "user-2", coverage=1.0).arm, allot(plan, "user-2", coverage=0.0)
    ('b', None)
    """
    weights = {arm.key: arm.weight for arm in plan.arms} if shares is None else shares
    if kept is not None and kept in weights:
        return Allotted(arm=kept, propensity=weights[kept], is_kept=True)
    if plan.namespace is not None and not plan.namespace.holds(unit):
        return None
    names = [arm.key for arm in plan.arms]
    place = assign(plan.salt, unit, ranges(len(names), coverage, [weights[name] for name in names]))
    return None if place == NOT_IN else Allotted(arm=names[place], propensity=weights[names[place]])


def free_range(taken: list[tuple[float, float]], width: float) -> tuple[float, float] | None:
    """The first part [start, end) of a layer that is `width` wide and that nobody holds, or None.

    >>> free_range([(0.0, 0.3), (0.5, 0.9)], 0.2), free_range([(0.0, 1.0)], 0.1)
    ((0.3, 0.5), None)
    """
    start = 0.0
    for low, high in sorted(taken):
        if low - start >= width - _SLACK:
            break
        start = max(start, high)
    return (round(start, 9), round(start + width, 9)) if start + width <= 1 + _SLACK else None


_SLACK = 1e-9
