"""Everybody's features as of a moment, as one table: for a file, a notebook or a training run elsewhere, by any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.bulk import tables_before
from features.sources import microseconds
from features.view import Source, spec_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.engine import FeatureEngine
    from features.view import View


def materialise(unit: Unit, views: Sequence[View], as_of: datetime, engine: FeatureEngine) -> pa.Table:
    """A row for each customer of whom anything was known by then, in order of id: customer, as_of_us, and the views' columns.

    The schema's metadata holds the views' spec hash, by which a reader knows what the columns mean.
    """
    tables, as_of_us = tables_before(unit, as_of), microseconds(as_of)
    customers = _known(tables, as_of_us)
    asof = pa.table(
        {"customer": customers, "as_of_us": pa.array(np.full(len(customers), as_of_us, dtype=np.int64), pa.int64())}
    )
    found = engine.compute(views, tables, asof)
    return found.replace_schema_metadata({b"uptier_spec_hash": spec_hash(views).encode()})


def _known(tables: Mapping[Source, pa.Table], as_of_us: int) -> pa.Array:
    """Who has a row that counts at the moment."""
    ids = [
        pc.unique(table.filter(pc.less_equal(table.column("received_us"), as_of_us)).column("customer"))
        for table in tables.values()
    ]
    found = pc.unique(pa.concat_arrays([each.cast(pa.string()) for each in ids]))
    return found.take(pc.sort_indices(found))
