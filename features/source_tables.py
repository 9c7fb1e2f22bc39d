"""Checks Arrow tables against the declared columns before an engine reads them: integers stay integers, nothing may be null.

A timestamp column is refused rather than cast, because its unit (ms, us, ns) would silently become the meaning of `at_us`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from features.engine import SourceError
from features.fold_engine import read_columns
from features.view import BASE_COLUMNS, OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from features.view import ColumnType, Dtype, FeatureView, Source, View

ARROW: Final[Mapping[ColumnType | Dtype, pa.DataType]] = {
    "str": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
}


def source_schema(source: Source) -> pa.Schema:
    """All columns of a source with their Arrow types: what a reader of rows has to deliver."""
    return pa.schema([(name, ARROW[kind]) for name, kind in {**BASE_COLUMNS, **OWN_COLUMNS[source]}.items()])


def conform_sources(views: Iterable[FeatureView], sources: Mapping[Source, pa.Table]) -> dict[Source, pa.Table]:
    """The tables that the views read, cut down to the columns that they read; raises SourceError."""
    base = tuple(views)
    conformed: dict[Source, pa.Table] = {}
    for source in dict.fromkeys(view.source for view in base):
        if source not in sources:
            raise SourceError(f"The views read {source.value}, which was not given", source=source.value)
        own = OWN_COLUMNS[source]
        wanted = {**BASE_COLUMNS, **{name: own[name] for name in read_columns(base, source)}}
        conformed[source] = conform(source.value, sources[source], wanted)
    return conformed


def conform_asof(asof: pa.Table) -> pa.Table:
    """The as-of table with exactly its two columns; raises SourceError."""
    return conform("as-of", asof, {"customer": "str", "as_of_us": "int64"})


def conform(label: str, table: pa.Table, wanted: Mapping[str, ColumnType]) -> pa.Table:
    """The wanted columns of a table, cast to text or int64 without loss; raises SourceError naming what is wrong."""
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise SourceError(f"The {label} table lacks {', '.join(missing)}", missing=missing, has=table.column_names)
    columns = [_cast(label, name, table.column(name), kind) for name, kind in wanted.items()]
    return pa.table(columns, names=list(wanted))


def _cast(label: str, name: str, column: pa.ChunkedArray, kind: ColumnType) -> pa.ChunkedArray:
    if column.null_count:
        raise SourceError(f"{label}.{name} has {column.null_count} empty values", column=name, empty=column.null_count)
    held = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (_is_text(held) if kind == "str" else pa.types.is_integer(held)) and not pa.types.is_null(held):
        raise SourceError(f"{label}.{name} holds {column.type}, wanted {kind}", column=name, type=str(column.type))
    try:
        return column.cast(ARROW[kind])
    except pa.ArrowInvalid as error:
        raise SourceError(f"{label}.{name} does not fit {kind}: {error}", column=name) from error


def _is_text(held: pa.DataType) -> bool:
    return bool(pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held))


def feature_table(asof: pa.Table, views: Sequence[View], columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Table:
    """The answer of an engine: the as-of rows, then one column per view in the view's dtype."""
    fields = [*asof.schema, *(pa.field(view.name, ARROW[view.dtype], nullable=False) for view in views)]
    return pa.table([*asof.columns, *columns], schema=pa.schema(fields))
