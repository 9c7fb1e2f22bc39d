"""Rung 1 with a contract: the rate of leaving for each stretch of tenure, as an actuary's table has it.

Months in the first year, then half years, then years; each stretch is drawn to the overall rate by twenty imagined rows, so that a stretch
that nobody has reached yet says what all say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models.tabular.recency_rule import RecencyRule, fit_steps

if TYPE_CHECKING:
    from models.tabular.table import Examples

COLUMN = "tenure_days"
_EDGES = (*range(30, 361, 30), 540, 720, 1080, 1440)


@dataclass(frozen=True, slots=True)
class TenureTable(RecencyRule):
    """`edges` are days of tenure; `steps` the log-odds over `base` of the stretch that ends at each."""

    name: ClassVar[str] = "tenure table"
    number: ClassVar[int] = 1


def fit_tenure_table(examples: Examples, column: str = COLUMN) -> TenureTable | None:
    """The table, or None where the rows do not tell the tenure apart."""
    if column not in examples.table.columns or np.unique(examples.table.column(column)).size < 2:
        return None
    base, steps = fit_steps(examples, column, np.asarray(_EDGES, dtype=np.float64))
    place = examples.table.columns.index(column)
    return TenureTable(place=place, base=base, edges=np.asarray(_EDGES, dtype=np.float64), steps=steps)
