"""The risk that a customer leaves within the horizon, with reasons such as "no order for 61 days"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from models.tabular.explained import ExplainedModel
from models.tabular.ladder import LadderConfig, LadderReport, fit_ladder

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from models.tabular.contract import Rung
    from models.tabular.table import Examples

RULE_COLUMNS = ("days_since_last_order", "days_since_last_use", "tenure_days")
"""What the napkin rule looks at: the first that differs between customers."""


@dataclass(frozen=True, slots=True, eq=False)
class ChurnModel(ExplainedModel):
    """A fitted churn model; `explain` gives probability and reasons."""

    task: ClassVar[str] = "churn"


def fit_churn(
    train: Examples,
    calibration: Examples,
    validation: Examples,
    *,
    rng: np.random.Generator,
    config: LadderConfig | None = None,
    closed_form: Callable[[Examples], Rung | None] | None = None,
) -> tuple[ChurnModel, LadderReport]:
    """The ladder over churn labels, with the days of silence as its rule unless the configuration names another column.

    `closed_form` fits rung 1: the rhythm of orders without a contract, the life table with one.
    """
    chosen = config or LadderConfig()
    if closed_form is not None:
        chosen = replace(chosen, closed_form=closed_form)
    if chosen.rule_column is None:
        chosen = replace(chosen, rule_column=train.table.first_varying(RULE_COLUMNS))
    model, report = fit_ladder(train, calibration, validation, config=chosen, rng=rng)
    return ChurnModel(model), report
