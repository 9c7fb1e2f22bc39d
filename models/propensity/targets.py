"""Which plan a subscriber would move to: one row for each subscriber and each plan above theirs, learned together.

All targets share one model in which the target and the size of the step are columns, so a plan that few have taken borrows from the others
and is drawn to the overall rate by its smoothed encoding (pooling), while one that many take speaks for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from models.propensity.label import NO_PLAN, last_of_each
from models.tabular.explained import ExplainedModel
from models.tabular.labels import require_equal_length
from models.tabular.ladder import LadderConfig, LadderReport, fit_ladder
from models.tabular.table import FeatureTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.labels import Longs, Window
    from models.tabular.table import Examples, Flags, Floats

TARGET, STEPS = "target_rank", "steps_up"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetLabels:
    """A row for each subscriber at the moment and each plan above theirs; sorted by customer and target."""

    customers: NDArray[Any]
    standing: Longs
    target: Longs
    label: Flags
    window: Window


def label_targets(
    customers: NDArray[Any], at_us: Longs, rank: Longs, *, top_rank: int, window: Window, observed_until_us: int
) -> TargetLabels:
    """Whether the first higher plan that a subscriber holds in the window is the target.

    One row of the columns is one change: the rank held from then on. Whoever stays, leaves or steps down takes none of the targets.
    """
    require_equal_length(customers=customers, at_us=at_us, rank=rank)
    window.require_observed(observed_until_us)
    order = np.lexsort((np.arange(at_us.size), at_us, customers))
    who, when, held = customers[order], at_us[order], rank[order]
    past = when < window.as_of_us
    holders, last = last_of_each(who[past])
    standing = held[past][last]
    eligible = (standing > NO_PLAN) & (standing < top_rank)
    holders, standing = holders[eligible], standing[eligible]
    taken = np.full(holders.size, NO_PLAN, dtype=np.int64)
    later = np.flatnonzero(window.contains(when) & np.isin(who, holders))
    for row in later[::-1].tolist():  # backwards, so that the first of a customer's steps up is what stays
        place = int(np.searchsorted(holders, who[row]))
        if held[row] > standing[place]:
            taken[place] = held[row]
    places, targets = upward(standing, top_rank)
    return TargetLabels(
        customers=holders[places],
        standing=standing[places],
        target=targets,
        label=taken[places] == targets,
        window=window,
    )


def upward(standing: Longs, top_rank: int) -> tuple[Longs, Longs]:
    """The place of each subscriber once for each plan above theirs, and that plan's rank.

    >>> places, targets = upward(np.array([0, 2, 1]), 2)
    >>> places.tolist(), targets.tolist()
    ([0, 0, 2], [1, 2, 2])
    """
    counts = np.maximum(top_rank - standing, 0)
    places = np.repeat(np.arange(standing.size), counts)
    within = np.arange(places.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return places.astype(np.int64), (standing[places] + 1 + within).astype(np.int64)


def target_table(table: FeatureTable, standing: Longs, target: Longs) -> FeatureTable:
    """The subscribers' features beside the target and the size of the step."""
    added: Floats = np.column_stack([target, target - standing]).astype(np.float64)
    return FeatureTable((*table.columns, TARGET, STEPS), np.column_stack([table.values, added]))


@dataclass(frozen=True, slots=True, eq=False)
class TargetModel(ExplainedModel):
    """A fitted model over targets; `offers` asks it about all of a subscriber's at once."""

    task: ClassVar[str] = "upgrades"

    @property
    def known_columns(self) -> tuple[str, ...]:
        """The features to give; target and step are filled in."""
        return tuple(name for name in self.columns if name not in {TARGET, STEPS})

    def offers(self, table: FeatureTable, standing: Longs, *, top_rank: int) -> list[dict[int, float]]:
        """For each row, the chance that it moves to each plan above its own (rank to probability)."""
        places, targets = upward(standing, top_rank)
        chance = self.probability(target_table(table.take(places), standing[places], targets))
        found: list[dict[int, float]] = [{} for _ in range(len(table))]
        for place, target, probability in zip(places.tolist(), targets.tolist(), chance.tolist(), strict=True):
            found[place][target] = probability
        return found


def fit_targets(
    train: Examples,
    calibration: Examples,
    validation: Examples,
    *,
    rng: np.random.Generator,
    config: LadderConfig | None = None,
) -> tuple[TargetModel, LadderReport]:
    """The ladder over all targets at once; the rule to beat is each target's own smoothed rate."""
    chosen = config or LadderConfig()
    chosen = replace(chosen, categorical=(*chosen.categorical, TARGET), rule_column=chosen.rule_column or TARGET)
    model, report = fit_ladder(train, calibration, validation, config=chosen, rng=rng)
    return TargetModel(model), report
