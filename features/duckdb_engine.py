"""Computes feature views for many customers and moments at once, in an embedded DuckDB over Arrow tables.

One thread and no extension downloads by default; the answer is equal, bit for bit, to the fold of `features.fold_engine`.
The statement is the Ibis expression of `features.ibis_views`; `uptier bench features` measures it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from features.engine import FeatureOverflowError
from features.finish import finish
from features.ibis_views import MOMENTS, compile_plan
from features.plan import plan_views
from features.prepare import numbered, prepared
from features.source_tables import conform_asof, feature_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

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
        moments, plan = conform_asof(asof), plan_views(views)
        tables = prepared(plan, sources)
        if not views:
            return moments
        statement = compile_plan(plan, "duckdb")
        with self._database.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.register(MOMENTS, numbered(moments))
            for source, table in tables.items():
                cursor.register(source.value, table)
            ordered = f"SELECT * FROM ({statement}) ORDER BY n"  # noqa: S608 (compiled from our own constants)
            try:
                parts = cursor.sql(ordered).to_arrow_table()
            except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:  # a moment at the edge of int64
                raise FeatureOverflowError(f"A value does not fit 64 bits: {error}") from error
        as_of_us = moments.column("as_of_us").to_numpy()
        return feature_table(
            moments, views, finish(plan, as_of_us, dict(zip(parts.column_names, parts.columns, strict=True)))
        )
