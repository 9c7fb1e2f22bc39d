"""The sources of a whole tenant as Arrow tables, for engines that compute many customers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from features.source_tables import source_schema
from features.sources import COLUMNS, rows_before
from features.view import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.session import Unit

_BATCH = 50_000


def tables_before(
    unit: Unit, moment: datetime, progress: Callable[[str], None] | None = None
) -> dict[Source, pa.Table]:
    """Every source before a moment, read in batches so that memory holds columns, not rows."""
    tables = {}
    for source in Source:
        if progress is not None:
            progress(f"reading {source.value}")
        tables[source] = _table(unit, source, moment)
    return tables


def _table(unit: Unit, source: Source, moment: datetime) -> pa.Table:
    names = COLUMNS[source]
    declared = source_schema(source)
    schema = pa.schema([declared.field(name) for name in names])
    batches: list[pa.RecordBatch] = []
    pending: list[tuple[object, ...]] = []
    for row in rows_before(unit, source, moment):
        pending.append(row)
        if len(pending) == _BATCH:
            batches.append(_batch(pending, schema))
            pending = []
    if pending:
        batches.append(_batch(pending, schema))
    return pa.Table.from_batches(batches, schema=schema)


def _batch(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
