"""The chance that a subscriber moves to a higher plan within the horizon, by themselves or because somebody asked.

It ranks who is near an upgrade; it does not say whom an offer would move (that is uplift, which needs a randomised offer).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from models.tabular.explained import ExplainedModel
from models.tabular.ladder import LadderConfig, LadderReport, fit_ladder

if TYPE_CHECKING:
    import numpy as np

    from models.tabular.table import Examples

RULE_COLUMNS = ("usage_30d_micro", "usage_active_days_30d", "orders_90d", "plan_rank")
"""What the napkin rule looks at: the first that differs between customers."""


@dataclass(frozen=True, slots=True, eq=False)
class PropensityModel(ExplainedModel):
    """A fitted propensity model; `explain` gives probability and reasons."""

    task: ClassVar[str] = "propensity"


def fit_propensity(
    train: Examples,
    calibration: Examples,
    validation: Examples,
    *,
    rng: np.random.Generator,
    config: LadderConfig | None = None,
) -> tuple[PropensityModel, LadderReport]:
    """The ladder over upgrade labels, with recent use as its rule unless the configuration names another column."""
    chosen = config or LadderConfig()
    if chosen.rule_column is None:
        chosen = replace(chosen, rule_column=train.table.first_varying(RULE_COLUMNS))
    model, report = fit_ladder(train, calibration, validation, config=chosen, rng=rng)
    return PropensityModel(model), report
