"""When a subscriber leaves: the chance of each coming month, given that the months before were survived.

A discrete-time hazard by landmarks (van Houwelingen 2007): what is known of a customer at a moment is one row for each of the coming
months that they were still there to begin, labelled with whether they left in it. `periods_ahead` and the tenure that month would find let
what is known now count for less later on. Months not wholly observed give no row, so customers who are still here bias nothing.
Rung 1 is the life table by tenure, which is Kaplan-Meier in months; the ladder goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from models.tabular.explained import ExplainedModel
from models.tabular.labels import DAY_US, require_equal_length
from models.tabular.ladder import LadderConfig, LadderReport, fit_ladder
from models.tabular.table import Examples, FeatureTable
from models.tabular.tenure_table import COLUMN as TENURE
from models.tabular.tenure_table import fit_tenure_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.labels import Longs
    from models.tabular.table import Floats

PERIOD_DAYS = 30
PERIODS = 12
AHEAD, TENURE_THEN = "periods_ahead", "tenure_then_days"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landmarks:
    """Customers as known at a moment each: `left_us` is when they left (`NEVER_US` while they stay), `seen_until_us` how far we see."""

    table: FeatureTable
    customers: NDArray[Any]
    as_of_us: Longs
    left_us: Longs
    seen_until_us: int

    def __post_init__(self) -> None:
        require_equal_length(customers=self.customers, as_of_us=self.as_of_us, left_us=self.left_us)


@dataclass(frozen=True, slots=True)
class StayForecast:
    """One customer's future: `leaving[k]` is the chance to leave within k + 1 months.

    `expected_days` is when half of such customers have left, between `low_days` (a quarter) and `high_days` (three quarters); None is
    beyond what the model looks ahead.
    """

    leaving: tuple[float, ...]
    expected_days: int | None
    low_days: int | None
    high_days: int | None

    def to_document(self) -> dict[str, Any]:
        """JSON values: chances within 1, 3, 6 and 12 months by their days."""
        within = {str(k * PERIOD_DAYS): round(self.leaving[k - 1], 4) for k in (1, 3, 6, 12) if k <= len(self.leaving)}
        interval = {"low": self.low_days, "high": self.high_days}
        return {"expected_days": self.expected_days, "expected_days_interval": interval, "leaving_within_days": within}


@dataclass(frozen=True, slots=True, eq=False)
class HazardModel(ExplainedModel):
    """A model of the chance to leave in one month; `columns` end with `AHEAD` and `TENURE_THEN`, which `forecast` fills in."""

    task: ClassVar[str] = "lifetime"

    @property
    def known_columns(self) -> tuple[str, ...]:
        """The features to give; the months ahead are the model's own."""
        return tuple(name for name in self.columns if name not in {AHEAD, TENURE_THEN})

    def hazards(self, table: FeatureTable, periods: int = PERIODS) -> Floats:
        """Shape (rows, periods): the chance to leave in each coming month for who is there when it begins."""
        return np.column_stack([self.probability(ahead_table(table, number)) for number in range(periods)])

    def forecast(self, table: FeatureTable, periods: int = PERIODS) -> list[StayForecast]:
        """Every row's future."""
        leaving = np.asarray(1 - np.cumprod(1 - self.hazards(table, periods), axis=1), dtype=np.float64)
        days = [leaving_day(leaving, share) for share in (0.5, 0.25, 0.75)]
        whole = [[None if np.isnan(value) else round(value) for value in found.tolist()] for found in days]
        rows = zip(leaving.tolist(), *whole, strict=True)
        return [StayForecast(tuple(chances), middle, low, high) for chances, middle, low, high in rows]


def ahead_table(table: FeatureTable, periods_ahead: int) -> FeatureTable:
    """The rows as they stand before a coming month: with its number, and the tenure that it would find."""
    then = table.column(TENURE) + periods_ahead * PERIOD_DAYS
    values = np.column_stack([table.values, np.full(len(table), float(periods_ahead)), then])
    return FeatureTable((*table.columns, AHEAD, TENURE_THEN), values)


def stack_periods(landmarks: Landmarks, *, periods: int = PERIODS) -> tuple[Examples, Longs]:
    """A row for each month that a customer began and that was wholly observed, with whether they left in it; and its landmark's number."""
    tables, labels, places = [], [], []
    for number in range(periods):
        start_us = landmarks.as_of_us + number * PERIOD_DAYS * DAY_US
        end_us = start_us + PERIOD_DAYS * DAY_US
        rows = np.flatnonzero((landmarks.left_us >= start_us) & (end_us <= landmarks.seen_until_us))
        tables.append(ahead_table(landmarks.table.take(rows), number))
        labels.append(landmarks.left_us[rows] < end_us[rows])
        places.append(rows)
    place = np.concatenate(places).astype(np.int64)
    table = FeatureTable(tables[0].columns, np.concatenate([one.values for one in tables]))
    return Examples(table, np.concatenate(labels), landmarks.customers[place]), place


def fit_hazard(
    train: Examples,
    calibration: Examples,
    validation: Examples,
    *,
    rng: np.random.Generator,
    config: LadderConfig | None = None,
) -> tuple[HazardModel, LadderReport]:
    """The ladder over stacked months: the life table by tenure is the rule to beat."""
    chosen = config or LadderConfig()
    chosen = replace(
        chosen,
        rule_column=chosen.rule_column or TENURE_THEN,
        closed_form=chosen.closed_form or partial(fit_tenure_table, column=TENURE_THEN),
    )
    model, report = fit_ladder(train, calibration, validation, config=chosen, rng=rng)
    return HazardModel(model), report


def leaving_day(leaving: Floats, share: float) -> Floats:
    """Shape (rows,): the day by which the chance to have left reaches `share`, straight within a month; NaN where it never does.

    >>> leaving_day(np.array([[0.25, 0.5, 0.75], [0.1, 0.2, 0.3]]), 0.5).tolist()
    [60.0, nan]
    """
    reached = leaving >= share - 1e-12
    month = reached.argmax(axis=1)
    rows = np.arange(leaving.shape[0])
    before = np.where(month > 0, leaving[rows, np.maximum(month - 1, 0)], 0.0)
    step = np.maximum(leaving[rows, month] - before, 1e-12)
    day = PERIOD_DAYS * (month + np.clip((share - before) / step, 0.0, 1.0))
    return np.where(reached.any(axis=1), day, np.nan)
