"""Reads a purchase file (CSV or Parquet) into typed columns, one row of the table for each row of the file.

A cell that cannot be read leaves a null and a `problem` on its row; the file's other rows are kept. Prices stay exact decimals throughout.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from billing.kernel.cadence import zone_of
from billing.kernel.errors import InvalidError, NotFoundError
from billing.purchases.csv_rows import NotCsvError, TextRows, read_csv_rows
from billing.purchases.layout import ColumnMap, Layout, PurchaseColumnsError, recognise
from billing.purchases.text_values import (
    INSTANT_TYPE,
    NO_TEXT,
    PRICE_DIGITS,
    PRICE_TYPE,
    AmbiguousDatesError,
    DateOrder,
    instants,
    prices,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

MAX_TEXT = 200  # characters of a customer, item or basket
MAX_DESCRIPTION = 500
BINARY_PRICE_DIGITS = (
    9  # a price stored as a binary fraction is read at nine decimals: its noise lies below, its meaning above
)
_IDS = ("customer", "item", "basket")
_TEXTS = ("description", "currency", "country")
_PARQUET_MAGIC = b"PAR1"

SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("problem", pa.string()),
        *((name, pa.string()) for name in (*_IDS, *_TEXTS)),
        ("at", INSTANT_TYPE),
        ("quantity", pa.int64()),
        ("unit_price", PRICE_TYPE),
    ]
)


class PurchaseFileMissingError(NotFoundError):
    """There is no such file."""

    code = "purchase_file_missing"


class PurchaseFileError(InvalidError):
    """The file cannot be read as CSV or Parquet, or holds no rows."""

    code = "purchase_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseFile:
    """What a file says: `table` has the columns of `SCHEMA`; `line` is the line of a CSV (its header is 1) or the row of a Parquet file."""

    layout: Layout
    columns: ColumnMap
    table: pa.Table

    @property
    def currency(self) -> str | None:
        """The currency that the layout itself implies (UCI's shop sold in pounds), or None."""
        return None if self.layout is Layout.PLAIN else "GBP"


def read_purchases(
    path: Path, *, columns: Mapping[str, str] | None = None, zone: str = "UTC", date_order: DateOrder | None = None
) -> PurchaseFile:
    """The rows of a CSV (UTF-8 or Latin-1, any usual delimiter) or Parquet file.

    `columns` maps our names to the file's where they are not recognised; `zone` (IANA) is that of times without one. Errors:
    `PurchaseFileMissingError`, `PurchaseFileError`, `PurchaseColumnsError`, `AmbiguousDatesError`.
    """
    local = zone_of(zone)
    if not path.is_file():
        raise PurchaseFileMissingError(f"there is no file {path.name}", path=str(path))
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == _PARQUET_MAGIC
        layout, names, rows = _parquet(path, columns) if is_parquet else _csv(path, columns)
    except (pa.ArrowException, OSError, UnicodeError, NotCsvError) as error:
        raise PurchaseFileError(
            f"{path.name} cannot be read as CSV or Parquet: {_first_line(error)}", path=str(path)
        ) from error
    if not rows.table.num_rows:
        raise PurchaseFileError(f"{path.name} has a header but no rows", path=str(path))
    return PurchaseFile(layout=layout, columns=names, table=_typed(rows, layout, local, date_order))


def _csv(path: Path, given: Mapping[str, str] | None) -> tuple[Layout, ColumnMap, TextRows]:
    rows = read_csv_rows(path)
    layout, names = recognise(rows.table.column_names, given)
    by_name = {name: rows.table.column(column) for name, column in names.by_name().items()}
    return layout, names, TextRows(pa.table(by_name), rows.line, rows.problem, decimal_comma=rows.decimal_comma)


def _parquet(path: Path, given: Mapping[str, str] | None) -> tuple[Layout, ColumnMap, TextRows]:
    with pq.ParquetFile(path) as file:
        found = list(file.schema_arrow.names)
        layout, names = recognise(found, given)
        wanted = names.by_name()
        for name, column in wanted.items():
            _refuse_type(name, column, file.schema_arrow.field(column).type)
        table = file.read(columns=sorted(wanted.values()))
    table = pa.table({name: table.column(column) for name, column in wanted.items()})
    line = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return layout, names, TextRows(table, line, pa.nulls(table.num_rows, pa.string()), decimal_comma=False)


def _refuse_type(name: str, column: str, kind: pa.DataType) -> None:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    allowed = [pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_null]
    if name == "at":
        allowed += [pa.types.is_timestamp, pa.types.is_date]
    else:
        allowed += [pa.types.is_floating, pa.types.is_decimal]
    if not any(check(value) for check in allowed):
        raise PurchaseColumnsError(
            f"the column {column!r} holds {value}, which cannot be read as {name}", column=column, type=str(value)
        )


def _typed(rows: TextRows, layout: Layout, zone: ZoneInfo, date_order: DateOrder | None) -> pa.Table:
    texts = {name: _as_text(rows.table.column(name)) for name in rows.table.column_names if name != "at"}
    digits = BINARY_PRICE_DIGITS if pa.types.is_floating(rows.table.column("unit_price").type) else PRICE_DIGITS
    typed: dict[str, Any] = {name: _identity(texts[name]) for name in _IDS}
    typed["quantity"] = whole_numbers(texts["quantity"], decimal_comma=rows.decimal_comma)
    typed["unit_price"] = prices(texts["unit_price"], decimal_comma=rows.decimal_comma, digits=digits)
    typed["at"] = _instants(rows.table.column("at"), layout, zone, date_order)
    nothing = pa.nulls(rows.table.num_rows, pa.string())
    for name in _TEXTS:
        typed[name] = _label(texts[name]) if name in texts else nothing
    typed["line"] = pa.array(rows.line)
    typed["problem"] = _problems(rows, texts, typed)
    return pa.table({name: typed[name] for name in SCHEMA.names}, schema=SCHEMA)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Any column as texts; whole binary numbers lose their point, and NaN is nothing."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.nulls(1, column.type)[0], column)
        with suppress(pa.ArrowInvalid):  # not all whole: the shortest decimal text of each is exact
            column = column.cast(pa.int64())
    return column.cast(pa.string())


def _identity(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Trimmed; empty is nothing; a whole column of numbers such as `17850.0` loses the point that some program added."""
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.equal(text, ""), NO_TEXT, text)
    if pc.all(pc.match_substring_regex(text, r"^\d+\.0$"), min_count=1).as_py():
        text = pc.replace_substring_regex(text, r"\.0$", "")
    return text


def _label(column: pa.ChunkedArray) -> pa.ChunkedArray:
    clean = pc.utf8_trim_whitespace(pc.replace_substring(column, "\x00", " "))
    return pc.utf8_slice_codeunits(clean, 0, MAX_DESCRIPTION)


def _instants(column: pa.ChunkedArray, layout: Layout, zone: ZoneInfo, order: DateOrder | None) -> pa.Array:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _stored_instants(column, zone)
    texts = _as_text(column)
    try:
        return instants(texts, zone, order)
    except AmbiguousDatesError:
        if layout is Layout.PLAIN:
            raise
        return instants(texts, zone, DateOrder.MONTH_FIRST)  # as the published file writes them


def _stored_instants(column: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    """Stored timestamps and dates in UTC microseconds; finer parts are cut, a time without a zone is local."""
    zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
    if zoned:
        return column.cast(INSTANT_TYPE, safe=False)
    local = column.cast(pa.timestamp("us"), safe=False)
    aware = pc.assume_timezone(local, str(zone), ambiguous="earliest", nonexistent="earliest")
    return aware.cast(INSTANT_TYPE)


def _problems(rows: TextRows, texts: Mapping[str, pa.ChunkedArray], typed: Mapping[str, Any]) -> pa.Array:
    """The first thing wrong with each row, or null. A missing customer is no problem here: it is a reason of its own."""
    checks = [
        *((f"no {name}", pc.is_null(typed[name])) for name in ("item", "basket")),
        *((f"the {name} is longer than {MAX_TEXT} characters", _too_long(typed[name])) for name in _IDS),
        *((f"the {name} holds a NUL character", pc.match_substring(typed[name], "\x00")) for name in _IDS),
    ]
    found = rows.problem
    for sentence, wrong in checks:
        found = pc.if_else(pc.and_(pc.is_null(found), pc.fill_null(wrong, fill_value=False)), sentence, found)
    shown = {**texts, "at": _as_text(rows.table.column("at"))}
    for name, hint in (("at", "time"), ("quantity", "whole number"), ("unit_price", "price")):
        told = pc.utf8_slice_codeunits(pc.fill_null(shown[name], "nothing"), 0, 40)
        sentence = pc.binary_join_element_wise(f"{name} is not a {hint}: ", told, "")
        found = pc.if_else(pc.and_(pc.is_null(found), pc.is_null(typed[name])), sentence, found)
    return found


def _too_long(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.greater(pc.utf8_length(column), MAX_TEXT)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
