"""Daily tiles: what a plan's parts need of each customer and day, summed up once, for as-ofs at midnight UTC.

A tile is keyed by the customer, the day of the rows and the midnight from which they are known: the later of the next midnight and the
first one at or after their arrival. For an as-of at a midnight A a row counts iff that midnight is A or earlier, and a window of whole
days keeps whole days; so answers from tiles are exact, and equal those from the rows to the last bit. At any other moment they would not
be, and are refused. Late rows make new tiles and change none, so tiles grow by what arrived since (`grow`), and are never rebuilt.

Tiles pay where a customer has many rows a day (`uptier bench features` measures when); rows answer every other question.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import duckdb
import ibis
import pyarrow as pa

from billing.kernel.errors import InvalidError
from features.finish import finish
from features.ibis_views import MOMENTS, day_of, source_expression
from features.plan import STEPWISE, What, plan_views
from features.prepare import numbered, prepared
from features.source_tables import conform_asof, feature_table
from features.view import DAY_US, OWN_COLUMNS, spec_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from features.plan import Part, Plan
    from features.view import Source, View

Tiles = dict[str, pa.Table]
_MARK: Final = b"uptier_views"
KEYS: Final = ("customer", "known_us", "day_us")
_SUMMED: Final = {What.COUNT, What.SUM}
_LEAST: Final = {What.MIN, What.FIRST_US}


class TileGrainError(InvalidError):
    """An as-of that is no midnight in UTC: tiles know days only."""

    code = "feature_tile_grain"


class TileMismatchError(InvalidError):
    """Tiles of other views: their conditions would be read as these ones'."""

    code = "feature_tiles_of_other_views"


class TileEngine:
    """Builds tiles of rows, and answers views from tiles; in an embedded DuckDB of its own."""

    __slots__ = ("_database",)

    def __init__(self, threads: int = 1) -> None:
        self._database = duckdb.connect(
            config={"threads": threads, "autoinstall_known_extensions": False, "autoload_known_extensions": False},
        )

    def build(self, views: Sequence[View], sources: Mapping[Source, pa.Table]) -> Tiles:
        """The tiles that these views need, by name: one for all plain parts of a source, one for each column whose values are counted."""
        plan = plan_views(views)
        tables = {source.value: table for source, table in prepared(plan, sources).items()}
        mark = {_MARK: spec_hash(views).encode()}
        built = {name: self._run(_sql(_built(plan, name)), tables) for name in tile_names(plan)}
        return {name: table.replace_schema_metadata(mark) for name, table in built.items()}

    def grow(self, views: Sequence[View], tiles: Tiles, arrived: Mapping[Source, pa.Table]) -> Tiles:
        """The tiles with those of rows that arrived at or after the last midnight that `tiles` saw; equal to building of all rows."""
        fresh = self.build(views, arrived)
        return {name: pa.concat_tables([tiles[name], fresh[name]]) for name in fresh}

    def compute(self, views: Sequence[View], tiles: Tiles, asof: pa.Table) -> pa.Table:
        """The value of each view for each as-of row, as `features.engine.FeatureEngine` gives it of the rows.

        Raises TileGrainError for an as-of that is no midnight in UTC, FeatureOverflowError, and FeatureSpecError.
        """
        moments, plan = conform_asof(asof), plan_views(views)
        if not views:
            return moments
        _require_midnights(moments)
        _require_made_for(views, tiles)
        parts = self._run(
            _asked(plan), {MOMENTS: numbered(moments), **{name: tiles[name] for name in tile_names(plan)}}
        )
        named = dict(zip(parts.column_names, parts.columns, strict=True))
        return feature_table(moments, views, finish(plan, moments.column("as_of_us").to_numpy(), named))

    def _run(self, statement: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        with self._database.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            for name, table in tables.items():
                cursor.register(name, table)
            return cursor.sql(statement).to_arrow_table()


def tile_names(plan: Plan) -> tuple[str, ...]:
    """The tiles of a plan: `<source>_plain` and `<source>_<what>_<column>_<mask>`."""
    return tuple(dict.fromkeys(_name(part) for part in plan.parts))


def _name(part: Part) -> str:
    if part.what not in STEPWISE:
        return f"{part.source.value}_plain"
    return f"{part.source.value}_{part.what.value}_{part.column or 'at'}_{part.mask or 'all'}"


def _require_midnights(moments: pa.Table) -> None:
    as_of_us = moments.column("as_of_us").to_numpy()
    if (as_of_us % DAY_US).any():
        raise TileGrainError("tiles answer for midnights in UTC only; ask the rows for other moments")


def _require_made_for(views: Sequence[View], tiles: Tiles) -> None:
    mark = spec_hash(views).encode()
    if any((table.schema.metadata or {}).get(_MARK) != mark for table in tiles.values()):
        raise TileMismatchError("these tiles were built for other views, or for these in another order")


def _sql(expression: Any) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb"))


def _built(plan: Plan, name: str) -> Any:
    """The expression that makes one tile of a source's rows."""
    parts = {plan.place[part]: part for part in plan.parts if _name(part) == name}
    first = next(iter(parts.values()))
    source = first.source
    rows = source_expression(source, plan.columns(source), plan.mask_names(source))
    days = rows.mutate(day_us=day_of(rows.at_us), arrived_us=day_of(rows.received_us + DAY_US - 1))
    days = days.mutate(known_us=ibis.greatest(days.day_us + DAY_US, days.arrived_us))
    if first.what in STEPWISE:
        kept = days if first.mask is None else days.filter(days[first.mask])
        value = kept.day_us if first.what is What.DAYS else kept[first.column]
        return kept.select(*KEYS, value=value).distinct()
    made: dict[str, Any] = {}
    for place, part in _without_windows(parts).items():
        made.update(_summed_up(days, place, part))
    return days.group_by(list(KEYS)).aggregate(**made)


def _without_windows(parts: Mapping[str, Part]) -> dict[str, Part]:
    """One part for all windows of the same thing: a tile has none."""
    return {_column(part): part for part in parts.values()}


def _column(part: Part) -> str:
    return f"{part.what.value}_{part.column or 'at'}_{part.mask or 'all'}"


def _summed_up(rows: Any, place: str, part: Part) -> Iterator[tuple[str, Any]]:
    where = None if part.mask is None else rows[part.mask]
    if part.what is What.COUNT:
        yield place, rows.count(where=where)
        return
    column = rows.at_us if part.column is None else rows[part.column]
    if part.what is What.SUM:
        yield place, column.cast("decimal(38, 0)").sum(where=where)
    elif part.what is What.LATEST:
        order = ibis.struct({"at": rows.at_us, "id": rows.id})
        yield place, column.argmax(order, where=where).cast("int64")
        yield f"{place}_at", rows.at_us.max(where=where)
        yield f"{place}_id", rows.id.argmax(order, where=where)
    else:
        yield place, column.min(where=where) if part.what in _LEAST else column.max(where=where)


def _asked(plan: Plan) -> str:
    return _asked_of(tuple((plan.place[part], part) for part in plan.parts))


@lru_cache(maxsize=64)
def _asked_of(parts: tuple[tuple[str, Part], ...]) -> str:
    """The statement that answers a plan's parts from its tiles."""
    moments = ibis.table({"n": "!int64", "customer": "!string", "as_of_us": "!int64"}, name=MOMENTS)
    answer = moments.select("n")
    names = dict.fromkeys(_name(part) for _, part in parts)
    for name in names:
        own = [(place, part) for place, part in parts if _name(part) == name]
        step = _counted(moments, name, own) if own[0][1].what in STEPWISE else _combined(moments, name, own)
        answer = answer.left_join(step, "n").drop("n_right")
    return _sql(answer.order_by("n"))


def _known(moments: Any, tile: Any) -> Any:
    joined = moments.join(tile, [moments.customer == tile.customer, tile.known_us <= moments.as_of_us])
    return joined.drop("customer_right")


def _combined(moments: Any, name: str, own: Sequence[tuple[str, Part]]) -> Any:
    schema: dict[str, str] = {"customer": "!string", "known_us": "!int64", "day_us": "!int64"}
    for _, part in own:
        schema[_column(part)] = "decimal(38, 0)" if part.what is What.SUM else "int64"
        if part.what is What.LATEST:
            schema.update({f"{_column(part)}_at": "int64", f"{_column(part)}_id": "string"})
    rows = _known(moments, ibis.table(schema, name=name))
    return rows.group_by("n").aggregate(**{place: _again(rows, part) for place, part in own})


def _again(rows: Any, part: Part) -> Any:
    """The part of the tiles in its window."""
    column = rows[_column(part)]
    where = None if part.window_days is None else rows.day_us >= rows.as_of_us - part.window_days * DAY_US
    if part.what in _SUMMED:
        return column.sum(where=where)
    if part.what is What.LATEST:
        at, key = rows[f"{_column(part)}_at"], rows[f"{_column(part)}_id"]
        there = at.notnull() if where is None else at.notnull() & where
        return column.argmax(ibis.struct({"at": at, "id": key}), where=there)
    return column.min(where=where) if part.what in _LEAST else column.max(where=where)


def _counted(moments: Any, name: str, own: Sequence[tuple[str, Part]]) -> Any:
    """How many different values were seen in each window."""
    schema = {"customer": "!string", "known_us": "!int64", "day_us": "!int64", "value": "int64"}
    first = own[0][1]
    if first.what is What.DISTINCT:
        schema["value"] = _value_type(first)
    rows = _known(moments, ibis.table(schema, name=name))
    seen = rows.group_by(["n", "as_of_us", "value"]).aggregate(day_us=rows.day_us.max())
    counts = {
        place: seen.count(
            where=None if part.window_days is None else seen.day_us >= seen.as_of_us - part.window_days * DAY_US
        )
        for place, part in own
    }
    return seen.group_by("n").aggregate(**counts)


def _value_type(part: Part) -> str:
    return "string" if OWN_COLUMNS[part.source][str(part.column)] == "str" else "int64"


def rows_of(tiles: Tiles) -> int:
    """How many rows the tiles have in all."""
    return sum(table.num_rows for table in tiles.values())
