"""Computes feature views for many customers and moments at once, in an embedded DuckDB over Arrow tables.

One thread and no extension downloads by default; the answer is equal, bit for bit, to the fold of `features.fold_engine`.
Measured by tests/features/measure_engines.py: a million purchases, 50,000 as-ofs and 22 views in under a second on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from features.duckdb_sql import compile_views
from features.engine import FeatureOverflowError
from features.source_tables import conform_asof, conform_sources, feature_table
from features.view import base_views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from features.view import Source, View


class DuckDBEngine:
    """Meets `features.engine.FeatureEngine`; each call has its own cursor, so one instance may be shared by threads."""

    __slots__ = ("_database",)

    def __init__(self, threads: int = 1) -> None:
        self._database = duckdb.connect(
            config={"threads": threads, "autoinstall_known_extensions": False, "autoload_known_extensions": False},
        )

    def compute(self, views: Sequence[View], sources: Mapping[Source, pa.Table], asof: pa.Table) -> pa.Table:
        """As the port says."""
        moments = conform_asof(asof)
        tables = conform_sources(base_views(views), sources)
        if not views:
            return moments
        statement = compile_views(views)
        with self._database.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.register("moments", _numbered(moments))
            for source, table in tables.items():
                cursor.register(source.value, table)
            try:
                answer = cursor.sql(statement.text, params=statement.values).to_arrow_table()
            except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
                raise FeatureOverflowError(f"A value does not fit 64 bits: {error}") from error
        return feature_table(moments, views, answer.columns)


def _numbered(moments: pa.Table) -> pa.Table:
    """The as-of rows with their position, since the same customer and moment may be asked for twice."""
    return moments.append_column("n", pa.array(np.arange(moments.num_rows, dtype=np.int64)))
