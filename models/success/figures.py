"""A measure of success beside its holdout, by group: what the database added up, turned into values, a difference and its interval.

Shares of customers are compared by Newcombe's interval, which holds for small arms; ratios and means by the delta method and Welch's test.
Arms are shown only when it is fair to look; the value over everybody always is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from features.success.added import HELD_OUT, OFFERED
from features.success.measures import BY_KEY
from models.experiments.inference.contrast import NotComputable, Scale, contrast
from models.experiments.inference.fixed import two_sided
from models.experiments.inference.sums import Cases, Pairs, ratio
from models.success.shares import FEWEST_UNITS, Harm, beside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from features.success.added import Added
    from features.success.measures import Measure
    from models.success.incremental import TooEarly


@dataclass(frozen=True, slots=True)
class Value:
    """A measure over `customers` customers; None where it divides by nothing. `of` is what it was divided by."""

    customers: int
    of: float
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure in one group. The arms and their difference are None where they may not be told; `why` says it."""

    measure: Measure
    group: str
    everybody: Value
    offered: Value | None = None
    held_out: Value | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    harm: Harm | None = None
    why: str = ""


def figures(rows: Iterable[Added], early: TooEarly | None = None) -> list[Figure]:
    """Every measure in every group, in the order of the measures, groups by name. `early` hides the arms and says why."""
    places: dict[tuple[str, str], dict[str, Added]] = {}
    for row in rows:
        places.setdefault((row.measure, row.group), {})[row.arm] = row
    order = {key: place for place, key in enumerate(BY_KEY)}
    ordered = sorted(places.items(), key=lambda each: (order[each[0][0]], each[0][1]))
    return [_figure(BY_KEY[key], group, arms, early) for (key, group), arms in ordered]


def _figure(measure: Measure, group: str, arms: dict[str, Added], early: TooEarly | None) -> Figure:
    offered, held_out = arms.get(OFFERED), arms.get(HELD_OUT)
    if measure.offered_only:
        return Figure(measure=measure, group=group, everybody=_value(_pairs(offered)), why="only offers are answered")
    one, other = _pairs(offered), _pairs(held_out)
    everybody = _value(one + other)
    if early is not None:
        return Figure(measure=measure, group=group, everybody=everybody, why=early.reason)
    if measure.is_plain_share:
        return _share(measure, group, everybody, one, other)
    return _ratio(measure, group, everybody, one, other)


def _share(measure: Measure, group: str, everybody: Value, one: Pairs, other: Pairs) -> Figure:
    found = beside(Cases(one.n, round(one.y)), Cases(other.n, round(other.y)))
    return Figure(
        measure=measure,
        group=group,
        everybody=everybody,
        offered=_value(one),
        held_out=_value(other),
        difference=found.difference,
        low=found.low,
        high=found.high,
        harm=found.harm if measure.is_guardrail else None,
        why=found.why,
    )


def _ratio(measure: Measure, group: str, everybody: Value, one: Pairs, other: Pairs) -> Figure:
    """Money and ratios on the absolute scale."""
    told = Figure(measure=measure, group=group, everybody=everybody, offered=_value(one), held_out=_value(other))
    treatment, control = ratio(one), ratio(other)
    if min(one.n, other.n) < FEWEST_UNITS or treatment is None or control is None:
        return replace(told, why=f"fewer than {FEWEST_UNITS} customers in an arm, or nothing to divide by")
    found = contrast(control, treatment, Scale.ABSOLUTE)
    if isinstance(found, NotComputable):
        return replace(told, why=found.reason)
    tested = two_sided(found)
    return replace(told, difference=found.effect, low=tested.low, high=tested.high)


def _pairs(row: Added | None) -> Pairs:
    if row is None:
        return Pairs(n=0, y=0.0, x=0.0, yy=0.0, xx=0.0, xy=0.0)
    return Pairs(n=row.n, y=row.y, x=row.x, yy=row.yy, xx=row.xx, xy=row.xy)


def _value(sums: Pairs) -> Value:
    value = sums.y / sums.x if sums.x else None
    return Value(sums.n, sums.x, value if value is None or math.isfinite(value) else None)
