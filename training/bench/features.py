"""Measures the feature engines on made histories, one beside the other, and holds every value of each against the others.

Rows are in memory as Arrow tables. Processor time is this process's; Spark's work happens in a Java process and is told by the clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from features.duckdb_engine import DuckDBEngine
from features.fold_tables import FoldEngine
from features.tiles import TileEngine, rows_of
from features.view import Source
from training.bench.features_data import asof_twice, busy, rfm_views, shop, usage_views
from training.bench.features_raw import raw_features

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from features.engine import FeatureEngine
    from features.view import View

FOLDED = 500
BUSY_SHARE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRow:
    """An engine's time, in seconds, and how many of its values were held against DuckDB's and differed (None: not compared)."""

    name: str
    processor: float
    wall: float
    compared: int | None = None
    differing: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesReport:
    """What was made, and the engines on it; `busy` is about usage, where tiles are at home."""

    events: int
    customers: int
    as_ofs: int
    views: int
    seed: int
    engines: tuple[EngineRow, ...]
    busy_as_ofs: int
    busy: tuple[EngineRow, ...]
    figures: dict[str, Any] = field(default_factory=dict)


def bench_features(
    *,
    events: int = 1_000_000,
    customers: int = 50_000,
    seed: int = 1,
    spark: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> FeaturesReport:
    """Thirteen features at two moments a customer, by hand-written SQL and by each engine; then usage from rows and from tiles."""
    progress("making histories")
    purchases, _ = shop(events, customers, seed)
    asof, views, sources = asof_twice(customers), rfm_views(), {Source.PURCHASES: purchases}
    progress("DuckDB")
    engine = DuckDBEngine()
    first, found = _timed("uptier on DuckDB, first", lambda: engine.compute(views, sources, asof))
    warm, _ = _timed("uptier on DuckDB", lambda: engine.compute(views, sources, asof))
    progress("hand-written SQL")
    raw, by_hand = _timed("hand-written DuckDB SQL", lambda: raw_features(purchases, asof))
    rows = [_held(raw, by_hand, _sorted(found)), first, _held(warm, found, found, self_check=True)]
    progress("the fold of a sample")
    rows.append(_fold(views, sources, asof, found))
    if spark:
        progress("Apache Spark")
        rows += _spark(views, sources, asof, found)
    progress("usage, from rows and from tiles")
    busy_rows, busy_as_ofs = _busy(events, max(1, customers // BUSY_SHARE), seed)
    return FeaturesReport(
        events=events,
        customers=customers,
        as_ofs=asof.num_rows,
        views=len(views),
        seed=seed,
        engines=tuple(rows),
        busy_as_ofs=busy_as_ofs,
        busy=tuple(busy_rows),
    )


def processor_seconds(engine: FeatureEngine, views: Sequence[View], purchases: pa.Table, asof: pa.Table) -> float:
    """The processor time of one computation over purchases."""
    return _timed("", lambda: engine.compute(views, {Source.PURCHASES: purchases}, asof))[0].processor


def _fold(views: Sequence[View], sources: dict[Source, pa.Table], asof: pa.Table, found: pa.Table) -> EngineRow:
    """The fold over some customers' rows: the same values, by other code."""
    asked = asof.slice(0, min(FOLDED, asof.num_rows))
    wanted = pc.is_in(sources[Source.PURCHASES].column("customer"), value_set=asked.column("customer").unique())
    own = {Source.PURCHASES: sources[Source.PURCHASES].filter(wanted)}
    row, folded = _timed("the fold, one by one", lambda: FoldEngine().compute(views, own, asked))
    return _held(row, folded, found.slice(0, asked.num_rows), note=f"{asked.num_rows:,} as-ofs")


def _spark(views: Sequence[View], sources: dict[Source, pa.Table], asof: pa.Table, found: pa.Table) -> list[EngineRow]:
    from features.spark_engine import SparkEngine, local_session  # noqa: PLC0415 (an optional package of 400 MB)

    started, session = _timed("Spark starts", local_session)
    try:
        engine = SparkEngine(session)
        rows = [started]
        for name in ("uptier on Spark, first", "uptier on Spark"):
            row, answer = _timed(name, lambda: engine.compute(views, sources, asof))
            rows.append(_held(row, answer, found, note="time of Java by the clock"))
        return rows
    finally:
        session.stop()


def _busy(events: int, customers: int, seed: int) -> tuple[list[EngineRow], int]:
    used, asof = busy(events, customers, seed + 1)
    views, sources, tiles = usage_views(), {Source.USAGE: used}, TileEngine()
    rows_engine = DuckDBEngine()
    rows_engine.compute(views, sources, asof.slice(0, 1))
    direct, found = _timed("from rows", lambda: rows_engine.compute(views, sources, asof))
    built, made = _timed("tiles are built, once", lambda: tiles.build(views, sources))
    asked, answer = _timed("from tiles", lambda: tiles.compute(views, made, asof))
    share = f"{rows_of(made):,} tiles of {used.num_rows:,} rows"
    return [direct, _noted(built, share), _held(asked, answer, found)], asof.num_rows


def _timed(name: str, work: Callable[[], Any]) -> tuple[EngineRow, Any]:
    processor, wall = time.process_time(), time.perf_counter()
    answer = work()
    return EngineRow(name=name, processor=time.process_time() - processor, wall=time.perf_counter() - wall), answer


def _held(row: EngineRow, table: pa.Table, against: pa.Table, *, note: str = "", self_check: bool = False) -> EngineRow:
    """The row with how many values were compared, bit for bit, and how many differed."""
    names = [name for name in against.column_names if name not in {"customer", "as_of_us"}]
    differing = sum(_different(table.column(name), against.column(name)) for name in names)
    compared = None if self_check else len(names) * against.num_rows
    differs = None if self_check else differing
    return EngineRow(
        name=row.name, processor=row.processor, wall=row.wall, compared=compared, differing=differs, note=note
    )


def _different(one: pa.ChunkedArray, other: pa.ChunkedArray) -> int:
    if one.type != other.type:
        one = one.cast(other.type)
    left, right = one.to_numpy(), other.to_numpy()
    return int((left.view("int64") != right.view("int64")).sum())


def _noted(row: EngineRow, note: str) -> EngineRow:
    return EngineRow(name=row.name, processor=row.processor, wall=row.wall, note=note)


def _sorted(table: pa.Table) -> pa.Table:
    return table.sort_by([("as_of_us", "ascending"), ("customer", "ascending")])
