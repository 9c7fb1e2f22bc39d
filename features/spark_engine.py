"""Computes feature views on Apache Spark, for histories that no longer fit one machine: the statement that DuckDB runs, compiled for Spark.

`compute` meets the port, over Arrow tables that are handed to Spark. `compute_frames` takes Spark's own tables (of Parquet files, say), and
answers with one, so that neither the rows nor the values pass through this process. Needs the extra `scale` and Java 17 or newer.
The session counts time in UTC, refuses what does not fit instead of wrapping it, and compares texts by their bytes.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from billing.kernel.errors import InvalidError
from features.finish import finish
from features.ibis_views import MOMENTS, compile_plan
from features.plan import plan_views
from features.prepare import numbered, prepared
from features.source_tables import ARROW, conform_asof, feature_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from features.plan import Conditions, Plan
    from features.view import Source, View

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.memory": "1g",
}
SPARK_TYPES = {"int64": "bigint", "float64": "double"}


class SparkMissingError(InvalidError):
    """Spark's Python package is not installed, or it finds no Java to run on."""

    code = "spark_missing"


def local_session(cores: int = 2) -> SparkSession:
    """A session on this machine; raises SparkMissingError with what to install."""
    try:
        from pyspark.errors import PySparkRuntimeError  # noqa: PLC0415 (an optional package of 400 MB)
        from pyspark.sql import SparkSession as Session  # noqa: PLC0415 (same)
    except ImportError as error:
        raise SparkMissingError("Apache Spark is not installed; pip install 'uptier[scale]' adds it") from error
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # its workers need the packages of this environment
    builder = Session.builder.master(f"local[{cores}]").appName("uptier features")
    for name, value in {**SETTINGS, **LOCAL}.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkRuntimeError, FileNotFoundError) as error:
        raise SparkMissingError(f"Apache Spark did not start; it needs Java 17 or newer: {error}") from error
    session.sparkContext.setLogLevel("ERROR")
    return session


class SparkEngine:
    """Meets `features.engine.FeatureEngine` on a session: one of a cluster that was handed in, or one on this machine."""

    __slots__ = ("session",)

    def __init__(self, session: SparkSession | None = None) -> None:
        self.session = local_session() if session is None else session
        for name, value in SETTINGS.items():
            self.session.conf.set(name, value)

    def compute(self, views: Sequence[View], sources: Mapping[Source, pa.Table], asof: pa.Table) -> pa.Table:
        """As the port says."""
        moments, plan = conform_asof(asof), plan_views(views)
        tables = prepared(plan, sources)
        if not views:
            return moments
        frames = {source: self.session.createDataFrame(table) for source, table in tables.items()}
        parts = self._parts(plan, frames, self.session.createDataFrame(numbered(moments))).toArrow().sort_by("n")
        as_of_us = moments.column("as_of_us").to_numpy()
        return feature_table(moments, views, finish(plan, as_of_us, _named(parts)))

    def compute_frames(
        self, views: Sequence[View], frames: Mapping[Source, DataFrame], moments: DataFrame
    ) -> DataFrame:
        """The same over Spark's tables with the sources' columns, and moments of `customer` and `as_of_us`, each asked for once.

        Integer columns are bigint and nothing is null: Spark refuses what does not fit when it gets there. The answer is lazy.
        """
        from pyspark.sql import functions as spark  # noqa: PLC0415 (an optional package of 400 MB)

        plan = plan_views(views)
        counted = moments.select("customer", "as_of_us").withColumn("n", spark.monotonically_increasing_id())
        kept = counted.persist()  # the numbers are drawn once, or the answer could not be joined to them
        held = {source: _with_masks(plan, source, frame) for source, frame in frames.items() if source in plan.masks}
        answer = kept.join(self._parts(plan, held, kept), "n").drop("n")
        columns = "".join(f", {view.name} {SPARK_TYPES[view.dtype]}" for view in views)
        return answer.mapInArrow(_finisher(plan), f"customer string, as_of_us bigint{columns}")

    def _parts(self, plan: Plan, frames: Mapping[Source, DataFrame], moments: DataFrame) -> DataFrame:
        """The parts, from views that only this call knows by their names."""
        statement, mark = compile_plan(plan, "pyspark"), uuid4().hex
        for name, frame in ((MOMENTS, moments), *((source.value, each) for source, each in frames.items())):
            frame.createOrReplaceTempView(f"{name}_{mark}")
            statement = statement.replace(f"`{name}`", f"`{name}_{mark}`")
        return self.session.sql(statement)


def _with_masks(plan: Plan, source: Source, frame: DataFrame) -> DataFrame:
    """Conditions as true-or-false columns; Spark binds the values, which never become text of a statement."""
    from pyspark.sql import functions as spark  # noqa: PLC0415 (an optional package of 400 MB)

    def holds(conditions: Conditions) -> Any:
        held = spark.lit(True)
        for condition in conditions:
            held &= spark.col(condition.column).isin(list(condition.values))
        return held

    masks = {name: holds(each) for name, each in zip(plan.mask_names(source), plan.masks[source], strict=True)}
    return frame.withColumns(masks) if masks else frame


def _finisher(plan: Plan) -> Any:
    """What each of Spark's Python workers does with its share of the parts."""

    def shares(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            share = pa.Table.from_batches([batch])
            values = finish(plan, share.column("as_of_us").to_numpy(), _named(share))
            names = ["customer", "as_of_us", *(view.name for view in plan.views)]
            kinds = [pa.string(), pa.int64(), *(ARROW[view.dtype] for view in plan.views)]
            columns = [share.column("customer").combine_chunks(), share.column("as_of_us").combine_chunks(), *values]
            yield pa.RecordBatch.from_arrays(
                [column.cast(kind) for column, kind in zip(columns, kinds, strict=True)], names=names
            )

    return shares


def _named(parts: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(parts.column_names, parts.columns, strict=True))
