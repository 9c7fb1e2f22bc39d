"""Compiles declared views to one DuckDB statement over tables named `moments` (the as-ofs) and the sources: text and values to bind.

Identifiers come only from the enums and whitelisted columns of `features.view`, and answers are numbered (`v0`, `v1`), so no name or
value that a person chose ever becomes SQL. Instants stay int64 microseconds: no time zone can enter.

Distinct counts take two steps (the last time each value was seen, then how many were seen inside the window), which costs a quarter
of COUNT(DISTINCT ...) FILTER per window and serves all windows of a column at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from features.view import DAY_US, Aggregate, DerivedView, Formula, base_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from features.view import FeatureView, Source, View, Where

_LATEST = "ARG_MAX({c}, ROW(s.at_us, s.id, {c})){r}"
_PLAIN: Mapping[
    Aggregate, Mapping[str, str]
] = {  # x: the value, n: how many rows; {c} the column, {r} the rows that count
    Aggregate.COUNT: {"n": "COUNT(*){r}"},
    Aggregate.SUM: {"x": "SUM({c}){r}"},
    Aggregate.MEAN: {"x": "SUM({c}){r}", "n": "COUNT(*){r}"},
    Aggregate.MIN: {"x": "MIN({c}){r}"},
    Aggregate.MAX: {"x": "MAX({c}){r}"},
    Aggregate.DAYS_SINCE_LAST: {"x": "MAX(s.at_us){r}"},
    Aggregate.DAYS_SINCE_FIRST: {"x": "MIN(s.at_us){r}"},
    Aggregate.LATEST: {"x": _LATEST},
    Aggregate.LATEST_IN: {"x": _LATEST},
    Aggregate.MEAN_GAP_DAYS: {"x": "MAX(s.at_us){r} - MIN(s.at_us){r}"},
}
_DISTINCT = {Aggregate.COUNT_DISTINCT, Aggregate.ACTIVE_DAYS, Aggregate.MEAN_GAP_DAYS}


@dataclass(slots=True)
class Statement:
    """A statement while it is written; `bind` gives a value its placeholder."""

    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: float | str, cast: str) -> str:
        """The placeholder of a value, of an exact SQL type."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"CAST(${name} AS {cast})"


def compile_views(views: Sequence[View]) -> Statement:
    """One SELECT with a column `v0`, `v1`, ... per view, a row per row of `moments`, ordered by its `n`."""
    sql = Statement()
    base = base_views(views)
    place = {view.name: f"b{index}" for index, view in enumerate(base)}
    steps = list(_steps(sql, base, place))
    columns = ", ".join(f"{_answer(sql, view, place)} AS {place[view.name]}" for view in base)
    joins = "".join(f" LEFT JOIN {name} USING (n)" for name, _ in steps)
    named = [*steps, ("base", f"SELECT n, {columns} FROM moments{joins}")]  # noqa: S608 - identifiers are our own constants
    withs = ", ".join(f"{name} AS ({body})" for name, body in named)
    asked = ", ".join(f"{_asked(sql, view, place)} AS v{index}" for index, view in enumerate(views))
    sql.text = f"WITH {withs} SELECT {asked} FROM base ORDER BY n"  # noqa: S608 - as above
    return sql


def _steps(sql: Statement, base: Sequence[FeatureView], place: dict[str, str]) -> Iterable[tuple[str, str]]:
    """The grouped passes: one per source, and one per column whose distinct values are counted."""
    for source, views in _grouped(base, lambda view: view.source):
        plain = [part for view in views for part in _plain(sql, view, place[view.name])]
        if plain:
            yield f"plain_{source.value}", f"SELECT a.n, {', '.join(plain)} {_joined(source)} GROUP BY a.n"
        distinct = (view for view in views if view.aggregate in _DISTINCT)
        for index, (key, group) in enumerate(_grouped(distinct, lambda view: (_counted(view), view.where))):
            yield f"distinct_{source.value}_{index}", _distinct(sql, source, key, group, place)


def _grouped(views: Iterable[FeatureView], key: Any) -> Iterable[tuple[Any, list[FeatureView]]]:
    ordered = sorted(views, key=lambda view: repr(key(view)))
    return ((found, list(group)) for found, group in groupby(ordered, key=key))


def _joined(source: Source) -> str:
    return (
        f"FROM moments AS a JOIN {source.value} AS s ON s.customer = a.customer "
        "AND s.at_us < a.as_of_us AND s.received_us <= a.as_of_us"
    )


def _plain(sql: Statement, view: FeatureView, name: str) -> list[str]:
    """The aggregates that one pass over a source's rows yields for a view."""
    if view.aggregate not in _PLAIN:
        return []
    rows = _filter([*_window(sql, view, "s.at_us"), *_conditions(sql, view.where)])
    parts = _PLAIN[view.aggregate].items()
    return [f"{part.format(c=f's.{view.column}', r=rows)} AS {name}_{what}" for what, part in parts]


def _distinct(
    sql: Statement,
    source: Source,
    key: tuple[str, tuple[Where, ...]],
    views: Sequence[FeatureView],
    place: dict[str, str],
) -> str:
    value, where = key
    conditions = _conditions(sql, where)
    kept = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    seen = f"SELECT a.n, a.as_of_us, MAX(s.at_us) AS last_us {_joined(source)}{kept} GROUP BY a.n, a.as_of_us, {value}"
    counts = [f"COUNT(*){_filter(_window(sql, view, 'a.last_us'))} AS {place[view.name]}_n" for view in views]
    return f"SELECT a.n, {', '.join(counts)} FROM ({seen}) AS a GROUP BY a.n"  # noqa: S608 - identifiers are our own constants


def _counted(view: FeatureView) -> str:
    if view.aggregate is Aggregate.ACTIVE_DAYS:
        return f"s.at_us - (s.at_us % {DAY_US} + {DAY_US}) % {DAY_US}"  # the day's start, also before 1970
    return f"s.{view.column}"


def _window(sql: Statement, view: FeatureView, at: str) -> list[str]:
    return [] if view.window_days is None else [f"{at} >= a.as_of_us - {sql.bind(view.window_days * DAY_US, 'BIGINT')}"]


def _conditions(sql: Statement, where: tuple[Where, ...]) -> list[str]:
    return [f"s.{condition.column} IN ({_bound(sql, condition.values)})" for condition in where]


def _bound(sql: Statement, values: tuple[str | int, ...]) -> str:
    return ", ".join(sql.bind(value, "VARCHAR" if isinstance(value, str) else "BIGINT") for value in values)


def _filter(conditions: list[str]) -> str:
    return f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""


def _answer(sql: Statement, view: FeatureView, place: dict[str, str]) -> str:
    """The view's value from its aggregates, its default where there is none, in its exact type."""
    found, count = f"{place[view.name]}_x", f"{place[view.name]}_n"
    match view.aggregate:
        case Aggregate.COUNT | Aggregate.COUNT_DISTINCT | Aggregate.ACTIVE_DAYS:
            value = count
        case Aggregate.MEAN:
            value = f"CAST(CAST({found} AS BIGINT) AS DOUBLE) / NULLIF({count}, 0)"
        case Aggregate.DAYS_SINCE_LAST | Aggregate.DAYS_SINCE_FIRST:
            value = f"(moments.as_of_us - {found}) // {DAY_US}"
        case Aggregate.LATEST_IN:
            value = f"CASE WHEN {found} IN ({_bound(sql, view.among)}) THEN 1 WHEN {found} IS NOT NULL THEN 0 END"
        case Aggregate.MEAN_GAP_DAYS:
            value = f"CASE WHEN {count} > 1 THEN CAST({found} AS DOUBLE) / CAST(({count} - 1) * {DAY_US} AS DOUBLE) END"
        case _:
            value = f"CAST({found} AS BIGINT)"
    return f"COALESCE(CAST({value} AS {_type(view)}), {_default(sql, view)})"


def _asked(sql: Statement, view: View, place: dict[str, str]) -> str:
    if not isinstance(view, DerivedView):
        return place[view.name]
    kind = "BIGINT" if view.dtype == "int64" else "DOUBLE"
    a, b = (f"CAST({place[part.name]} AS {kind})" for part in view.inputs)
    scaled = f"{a} * {sql.bind(view.scale, kind)}"
    if view.formula is Formula.RATIO:
        return f"CASE WHEN {b} = 0 THEN {_default(sql, view)} ELSE {scaled} / {b} END"
    return f"{scaled} - {b}"


def _type(view: View) -> str:
    return "BIGINT" if view.dtype == "int64" else "DOUBLE"


def _default(sql: Statement, view: View) -> str:
    return sql.bind(view.default if view.dtype == "int64" else float(view.default), _type(view))
