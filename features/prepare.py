"""Readies Arrow tables for a SQL engine: checked columns, conditions as true-or-false columns, as-ofs with their position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.source_tables import ARROW, conform_sources
from features.view import BASE_COLUMNS, OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from features.plan import Conditions, Plan
    from features.view import Source


def prepared(plan: Plan, sources: Mapping[Source, pa.Table]) -> dict[Source, pa.Table]:
    """What the compiled statement reads of each source; raises SourceError."""
    found = {}
    for source, table in conform_sources(plan.base, sources).items():
        names = [*BASE_COLUMNS, *plan.columns(source)]
        masks = [_holds(source, table, conditions) for conditions in plan.masks[source]]
        columns = [*(table.column(name) for name in names), *masks]
        found[source] = pa.table(columns, names=[*names, *plan.mask_names(source)])
    return found


def numbered(moments: pa.Table) -> pa.Table:
    """The as-of rows with their position `n`, since the same customer and moment may be asked for twice."""
    return moments.append_column("n", pa.array(np.arange(moments.num_rows, dtype=np.int64)))


def _holds(source: Source, table: pa.Table, conditions: Conditions) -> pa.ChunkedArray:
    """Whether every condition holds, a row each."""
    own = OWN_COLUMNS[source]
    held = None
    for condition in conditions:
        values = pa.array([_within(value) for value in condition.values], ARROW[own[condition.column]])
        one = pc.is_in(table.column(condition.column), value_set=values.drop_null())
        held = one if held is None else pc.and_(held, one)
    return held


def _within(value: str | int) -> str | int | None:
    """A value that the column's type can hold; an integer that no row can have is left out."""
    return None if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
