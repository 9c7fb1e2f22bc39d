"""Writes a plan's parts once, as an Ibis expression, and has it compiled to the SQL of any engine (DuckDB, Apache Spark, ...).

The expression reads tables named `moments` (n, customer, as_of_us) and one per source, whose conditions are columns already; it answers
a row per n that has any row, with the parts as integers. Only our own constants and whitelisted column names become SQL. Everything is an
int64, a text compared by its bytes, or a truth: no time zone, float or collation can enter. Sums are made of decimals of 38 digits.

There is no as-of join, which Spark lacks: rows are joined by customer and moment, and the last one is the largest by (at, id).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import ibis

from features.plan import STEPWISE, What
from features.view import DAY_US, OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from features.plan import Part, Plan
    from features.view import Source

Dialect: TypeAlias = Literal["duckdb", "pyspark"]
MOMENTS = "moments"
_TYPES = {"str": "!string", "int64": "!int64"}
_Numbered: TypeAlias = "tuple[tuple[str, Part], ...]"


def compile_plan(plan: Plan, dialect: Dialect) -> str:
    """One SELECT with `n` and the plan's parts, a row for each n that any source has rows for; in no order."""
    shape = tuple((source, plan.columns(source), plan.mask_names(source)) for source in plan.masks)
    return _compile(tuple((plan.place[part], part) for part in plan.parts), shape, dialect)


@lru_cache(maxsize=128)
def _compile(
    parts: _Numbered, shape: tuple[tuple[Source, tuple[str, ...], tuple[str, ...]], ...], dialect: Dialect
) -> str:
    moments = ibis.table({"n": "!int64", "customer": "!string", "as_of_us": "!int64"}, name=MOMENTS)
    tables = {source: source_expression(source, columns, masks) for source, columns, masks in shape}
    steps = [step for source, table in tables.items() for step in _steps(source, _joined(moments, table), parts)]
    answer = moments.select("n")
    for step in steps:
        answer = answer.left_join(step, "n").drop("n_right")
    return str(ibis.to_sql(answer, dialect=dialect))


def source_expression(source: Source, columns: Sequence[str], masks: Sequence[str]) -> Any:
    """A source's table as an expression: the base columns, those of its own that are read, and conditions as truths."""
    own = OWN_COLUMNS[source]
    schema = {"customer": "!string", "at_us": "!int64", "received_us": "!int64", "id": "!string"}
    schema.update((name, _TYPES[own[name]]) for name in columns)
    schema.update((name, "!boolean") for name in masks)
    return ibis.table(schema, name=source.value)


def _joined(moments: Any, table: Any) -> Any:
    """Each as-of beside the rows that count for it."""
    known = [
        moments.customer == table.customer,
        table.at_us < moments.as_of_us,
        table.received_us <= moments.as_of_us,
    ]
    return moments.join(table, known).drop("customer_right")


def _steps(source: Source, joined: Any, parts: _Numbered) -> Iterator[Any]:
    """The grouped passes over a source: one for all plain parts, and one for each column whose different values are counted."""
    own = [(name, part) for name, part in parts if part.source is source]
    plain = {name: _plain(joined, part) for name, part in own if part.what not in STEPWISE}
    if plain:
        yield joined.group_by("n").aggregate(**plain)
    stepwise = sorted((pair for pair in own if pair[1].what in STEPWISE), key=_counted_key)
    for _, group in groupby(stepwise, key=_counted_key):
        yield _distinct(joined, list(group))


def _counted_key(pair: tuple[str, Part]) -> tuple[str, str, str]:
    _, part = pair
    return part.what.value, part.column or "", part.mask or ""


def _plain(rows: Any, part: Part) -> Any:
    where = _kept(rows, part)
    if part.what is What.COUNT:
        return rows.count(where=where)
    if part.what is What.LAST_US:
        return rows.at_us.max(where=where)
    if part.what is What.FIRST_US:
        return rows.at_us.min(where=where)
    column = rows[part.column]
    if part.what is What.SUM:
        return column.cast("decimal(38, 0)").sum(where=where)
    if part.what is What.LATEST:
        return column.argmax(ibis.struct({"at": rows.at_us, "id": rows.id}), where=where).cast("int64")
    return column.min(where=where) if part.what is What.MIN else column.max(where=where)


def _kept(rows: Any, part: Part) -> Any:
    inside = None if part.window_days is None else rows.at_us >= rows.as_of_us - part.window_days * DAY_US
    held = None if part.mask is None else rows[part.mask]
    if inside is None or held is None:
        return inside if held is None else held
    return inside & held


def _distinct(joined: Any, group: list[tuple[str, Part]]) -> Any:
    """How many different values lie in each window: those whose last row does. A quarter of the cost of distinct counts a window."""
    _, first = group[0]
    rows = joined if first.mask is None else joined.filter(joined[first.mask])
    value = day_of(rows.at_us) if first.what is What.DAYS else rows[first.column]
    seen = rows.group_by(["n", "as_of_us", value.name("value")]).aggregate(at_us=rows.at_us.max())
    counts = {
        name: seen.count(
            where=None if part.window_days is None else seen.at_us >= seen.as_of_us - part.window_days * DAY_US
        )
        for name, part in group
    }
    return seen.group_by("n").aggregate(**counts)


def day_of(at_us: Any) -> Any:
    """The day's first microsecond; the remainder is made positive first, since SQL's has the sign of what is divided."""
    return at_us - (at_us % DAY_US + DAY_US) % DAY_US
