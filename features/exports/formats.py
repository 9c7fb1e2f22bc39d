"""Writing rows as CSV, JSON lines or Parquet, a chunk at a time, into any file that is written from start to end.

A row is a mapping of the export's fields; nested in JSON lines and Parquet, in columns of their own in CSV. Text that a spreadsheet would
run as a formula is made text in CSV, which spreadsheets read; the other two carry it as it is.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from billing.kernel.errors import InvalidError
from features.exports.content import ITEM_PARTS, OFFER_PARTS, columns, flat
from features.exports.fields import ITEMS, OFFER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    Row = Mapping[str, Any]

_GROUP = 5_000
_RUN = ("=", "+", "-", "@", "\t", "\r")


class FormatError(InvalidError):
    """A format that exports are not written in."""

    code = "invalid_export_format"


class Sink(Protocol):
    """What is written into."""

    def write(self, data: bytes, /) -> int:
        """Take the next bytes."""
        ...


class Writer(Protocol):
    """A file on its way: rows in chunks, then the end."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        ...

    def finish(self) -> None:
        """Write what belongs at the end; nothing follows."""
        ...


class CsvWriter:
    """Comma-separated, UTF-8, a header first."""

    def __init__(self, sink: Sink, fields: Sequence[str], items: int) -> None:
        self._sink, self._fields, self._items = sink, fields, items
        self._put([list(columns(fields, items))])

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._put([tame(cell) for cell in flat(row, self._fields, self._items)] for row in rows)

    def finish(self) -> None:
        """Nothing belongs at the end."""

    def _put(self, rows: Iterable[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._sink.write(text.getvalue().encode())


class JsonlWriter:
    """A JSON object a line."""

    def __init__(self, sink: Sink, fields: Sequence[str], items: int) -> None:
        self._sink, self._fields = sink, fields
        del items

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._sink.write(b"".join(jsonl_line(row, self._fields) for row in rows))

    def finish(self) -> None:
        """Nothing belongs at the end."""


class ParquetWriter:
    """A row group a few thousand rows, so that no more than a group is in memory."""

    def __init__(self, sink: Sink, fields: Sequence[str], items: int) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 (heavy, and asked for rarely)

        del items
        self._fields, self._schema = fields, _schema(fields)
        self._waiting: list[dict[str, Any]] = []
        self._writer: Any = pq.ParquetWriter(_Stream(sink), self._schema)

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._waiting += [{field: row[field] for field in self._fields} for row in rows]
        if len(self._waiting) >= _GROUP:
            self._flush()

    def finish(self) -> None:
        """The rows that wait, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa  # noqa: PLC0415 (as above)

        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting = []


FORMATS: dict[str, type[CsvWriter | JsonlWriter | ParquetWriter]] = {
    "csv": CsvWriter,
    "jsonl": JsonlWriter,
    "parquet": ParquetWriter,
}
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


def writer_of(name: str, sink: Sink, fields: Sequence[str], *, items: int) -> Writer:
    """The writer of a format. Raises FormatError."""
    if name not in FORMATS:
        raise FormatError(f"a segment is written as {', '.join(FORMATS)}", format=name[:60])
    return FORMATS[name](sink, fields, items)


def tame(value: str) -> str:
    """A spreadsheet would run a cell that begins like a formula; a quote in front makes it text.

    >>> tame("=1+1"), tame("Ann")
    ("'=1+1", 'Ann')
    """
    return f"'{value}" if value.startswith(_RUN) else value


def jsonl_line(row: Row, fields: Sequence[str]) -> bytes:
    """A row as a line."""
    return orjson.dumps({field: row[field] for field in fields}) + b"\n"


class _Stream(io.RawIOBase):
    """A sink as the file that Parquet's writer asks for."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink, self._at = sink, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        written = bytes(data)
        self._sink.write(written)
        self._at += len(written)
        return len(written)


def _schema(fields: Sequence[str]) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    nested = {
        ITEMS: pa.list_(pa.struct([(part, pa.string()) for part in ITEM_PARTS])),
        OFFER: pa.struct([(part, pa.string()) for part in OFFER_PARTS]),
    }
    return pa.schema([(field, nested.get(field, pa.string())) for field in fields])
