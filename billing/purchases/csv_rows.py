"""CSV as texts: encoding and delimiter are found out, every row keeps the line it began on, and a row of the wrong width is reported.

Nothing is converted here: a cell is a text or nothing, so that no number passes through a binary fraction.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_DELIMITERS = ",;\t|"
_NOTHING = ["", "NULL", "null", "NaN", "nan", "None", "#N/A"]
_CHUNK = 1 << 20
_BLOCK = 1 << 24


class NotCsvError(Exception):
    """The file is no CSV; the message says what it looks like instead."""


@dataclass(frozen=True, slots=True)
class TextRows:
    """Rows still to be typed, the line that each began on, and what is already known to be wrong with it (or null).

    `decimal_comma` says that numbers may be written 2,55, as programs do that separate cells by semicolons.
    """

    table: pa.Table
    line: NDArray[np.int64]
    problem: pa.Array
    decimal_comma: bool


@dataclass(frozen=True, slots=True)
class _WrongWidth:
    record: int
    expected: int
    found: int
    line_breaks: int


def read_csv_rows(path: Path) -> TextRows:
    """All rows of a CSV file as texts; blank lines are not rows. Errors: `NotCsvError`, Arrow's own for what it cannot parse."""
    encoding = _encoding(path)
    header, delimiter = _header(path, encoding)
    wrong: list[_WrongWidth] = []

    def report(row: arrow_csv.InvalidRow) -> str:
        wrong.append(_WrongWidth(row.number, row.expected_columns, row.actual_columns, row.text.count("\n")))
        return "skip"

    places = [str(place) for place in range(len(header))]  # positions, since names may repeat
    table = arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            use_threads=False, column_names=places, skip_rows=1, encoding=encoding, block_size=_BLOCK
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=report
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=True, null_values=_NOTHING
        ),
    )
    return _numbered(table.rename_columns(header), wrong, decimal_comma=delimiter == ";")


def _numbered(table: pa.Table, wrong: list[_WrongWidth], *, decimal_comma: bool) -> TextRows:
    """Rows read and rows of a wrong width, in the order of the file; blank ones are left out."""
    records = np.arange(2, 2 + table.num_rows + len(wrong), dtype=np.int64)
    broken = np.array([row.record for row in wrong], dtype=np.int64)
    good = records[~np.isin(records, broken)]
    breaks = np.zeros(len(records), dtype=np.int64)
    breaks[good - 2] = _line_breaks(table)
    breaks[broken - 2] = [row.line_breaks for row in wrong]
    line = (records + np.cumsum(breaks) - breaks)[np.concatenate([good, broken]) - 2]
    sentences = [f"the row has {row.found} cells where the header has {row.expected}" for row in wrong]
    problem = pa.array([None] * table.num_rows + sentences, pa.string())
    nothing = pa.Table.from_arrays([pa.nulls(len(wrong), pa.string())] * table.num_columns, table.column_names)
    order = np.argsort(line, kind="stable")
    order = order[~np.concatenate([_blank(table), np.zeros(len(wrong), dtype=np.bool_)])[order]]
    rows = pa.concat_tables([table, nothing]).combine_chunks()
    return TextRows(rows.take(order), line[order], problem.take(order), decimal_comma=decimal_comma)


def _line_breaks(table: pa.Table) -> NDArray[np.int64]:
    """How many line breaks the cells of each row hold."""
    total = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        total += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy().astype(np.int64)
    return total


def _blank(table: pa.Table) -> NDArray[np.bool_]:
    blank = np.ones(table.num_rows, dtype=np.bool_)
    for column in table.columns:
        blank &= pc.is_null(column).to_numpy()
    return blank


def _encoding(path: Path) -> str:
    """UTF-8 where all of the file is; Latin-1 where it is not. Text has no NUL bytes, which tells binary files."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if b"\x00" in chunk:
                raise NotCsvError("it is a binary file; save a spreadsheet as CSV first, in UTF-8")
            encoding = encoding if _decodes(decoder, chunk) else "latin-1"
    return encoding if _decodes(decoder, b"", final=True) else "latin-1"


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _header(path: Path, encoding: str) -> tuple[list[str], str]:
    """The names of the columns, and the delimiter that gives most of them."""
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        first = file.readline()
    if not first.strip():
        raise NotCsvError("it is empty" if not first else "its first line holds no column names")
    try:
        splits = {sign: next(csv.reader(io.StringIO(first), delimiter=sign)) for sign in _DELIMITERS}
    except csv.Error as error:
        raise NotCsvError(f"its first line cannot be read: {error}") from error
    delimiter = max(_DELIMITERS, key=lambda sign: len(splits[sign]))
    return [name.strip() for name in splits[delimiter]], delimiter
