"""Splits views into what an engine does (count, add and compare integers over joined rows) and what is done once, before and after it.

Before: conditions on values become true-or-false columns of the sources (`m0`, `m1`, ...), so that no value a person chose ever becomes
SQL. After (`features.finish`): defaults, fractions and derived views, so that everything that rounds is written in one place. What is
left for engines are parts (`a0`, `a1`, ...), each asked for once however many views are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from features.view import Aggregate, FeatureView, Source, View, Where, base_views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class What(Enum):
    """What an engine makes of the rows that count for an as-of; nothing (null) where there are none."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    LAST_US = "last_us"
    FIRST_US = "first_us"
    LATEST = "latest"
    DISTINCT = "distinct"
    DAYS = "days"


Conditions = tuple[Where, ...]
_PARTS: Final[Mapping[Aggregate, tuple[What, ...]]] = {
    Aggregate.COUNT: (What.COUNT,),
    Aggregate.SUM: (What.SUM,),
    Aggregate.MEAN: (What.SUM, What.COUNT),
    Aggregate.MIN: (What.MIN,),
    Aggregate.MAX: (What.MAX,),
    Aggregate.COUNT_DISTINCT: (What.DISTINCT,),
    Aggregate.ACTIVE_DAYS: (What.DAYS,),
    Aggregate.DAYS_SINCE_LAST: (What.LAST_US,),
    Aggregate.DAYS_SINCE_FIRST: (What.FIRST_US,),
    Aggregate.LATEST: (What.LATEST,),
    Aggregate.LATEST_IN: (What.LATEST,),
    Aggregate.MEAN_GAP_DAYS: (What.FIRST_US, What.LAST_US, What.DISTINCT),
}
_WITH_COLUMN = frozenset({What.SUM, What.MIN, What.MAX, What.LATEST, What.DISTINCT})
STEPWISE: Final = frozenset({What.DISTINCT, What.DAYS})  # two passes: when each value was last seen, then how many


@dataclass(frozen=True, slots=True)
class Part:
    """One integer per as-of: `what` of `column`, over the rows of the window for which the condition `mask` holds."""

    source: Source
    what: What
    column: str | None
    window_days: int | None
    mask: str | None


@dataclass(frozen=True)
class Plan:
    """What a list of views needs: conditions per source in the order of their columns, and the parts of each view."""

    views: tuple[View, ...]
    base: tuple[FeatureView, ...]
    masks: Mapping[Source, tuple[Conditions, ...]]
    of_view: Mapping[str, tuple[Part, ...]]

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Every part once, in order; part i is the column `a{i}` of an engine's answer."""
        return tuple(dict.fromkeys(part for parts in self.of_view.values() for part in parts))

    @cached_property
    def place(self) -> Mapping[Part, str]:
        """The column of each part."""
        return {part: f"a{index}" for index, part in enumerate(self.parts)}

    def columns(self, source: Source) -> tuple[str, ...]:
        """The source's own columns that its parts read as values, without the conditions' columns."""
        read = {part.column for part in self.parts if part.source is source and part.column is not None}
        return tuple(sorted(name for name in read if name not in self.mask_names(source)))

    def mask_names(self, source: Source) -> tuple[str, ...]:
        """The names of the conditions' columns."""
        return tuple(f"m{index}" for index in range(len(self.masks.get(source, ()))))


def plan_views(views: Sequence[View]) -> Plan:
    """The plan of these views; raises FeatureSpecError for one name with two meanings."""
    base = base_views(views)
    masks: dict[Source, list[Conditions]] = {view.source: [] for view in base}
    of_view = {view.name: _parts(view, masks[view.source]) for view in base}
    return Plan(tuple(views), base, {source: tuple(found) for source, found in masks.items()}, of_view)


def _parts(view: FeatureView, masks: list[Conditions]) -> tuple[Part, ...]:
    mask = _mask(masks, view.where) if view.where else None
    column = view.column
    if view.aggregate is Aggregate.LATEST_IN:
        column = _mask(masks, (Where(str(view.column), view.among),))
    return tuple(
        Part(view.source, what, column if what in _WITH_COLUMN else None, view.window_days, mask)
        for what in _PARTS[view.aggregate]
    )


def _mask(masks: list[Conditions], conditions: Conditions) -> str:
    if conditions not in masks:
        masks.append(conditions)
    return f"m{masks.index(conditions)}"
