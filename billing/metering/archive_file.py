"""Parquet files of archived events: written so that they are whole or not there, and never read without a proof that they are the ones.

A file belongs to one tenant and one month, which stand in its metadata; its name holds the beginning of its SHA-256. Rows are ordered by
customer, type and time, so that a question about a few customers opens a few groups of rows. JSON documents are kept as text.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from billing.db.documents import dump
from billing.kernel.ids import new_id
from billing.metering.archive import ArchiveUnreadableError, Contents, Record
from billing.metering.month import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from billing.metering.archive import ArchiveFile

_FORMAT = "1"
_ROWS_A_GROUP = 50_000
_ROWS_A_BATCH = 20_000
_BLOCK = 1 << 20
_INSTANT = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("at", _INSTANT, nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("received_at", _INSTANT, nullable=False),
        pa.field("data", pa.string(), nullable=False),
        pa.field("amends", pa.string()),
        pa.field("first_id", pa.string()),
        pa.field("amended_by", pa.string()),
        pa.field("archived_at", _INSTANT),
    ]
)
_INSTANTS = frozenset({"at", "received_at", "archived_at"})


def write(
    folder: Path, tenant_id: str, month: datetime, part: int, records: Iterable[Record]
) -> tuple[Path, str, Contents]:
    """Write a file and have the disk keep it; the answer is its place, its SHA-256 and what was put in. Without events there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{name_of(month)}-{part}-{new_id('draft')}.part"  # another run may write the same month
    contents = Contents()
    schema = _SCHEMA.with_metadata(_labels(tenant_id, month))
    with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
        for chunk in _chunks(records):
            for record in chunk:
                contents.add(record)
            writer.write_table(_table(chunk, schema), row_group_size=_ROWS_A_GROUP)
    digest = _digest(draft)
    place = folder / f"{name_of(month)}-{part}-{digest[:16]}.parquet"
    _keep(draft)
    draft.replace(place)
    _keep(folder)
    return place, digest, contents


def read(archive: ArchiveFile, tenant_id: str, where: ds.Expression | None = None) -> Iterator[Record]:
    """The events of a file that a condition holds for, in the file's order and in bounded memory."""
    for batch in _batches(archive, tenant_id, list(_SCHEMA.names), where):
        columns = [_values(name, batch.column(name)) for name in _SCHEMA.names]
        yield from map(Record._make, zip(*columns, strict=True))


def columns(
    archive: ArchiveFile, tenant_id: str, names: Sequence[str], where: ds.Expression
) -> Iterator[tuple[Any, ...]]:
    """Some columns of those events."""
    for batch in _batches(archive, tenant_id, list(names), where):
        yield from zip(*(_values(name, batch.column(name)) for name in names), strict=True)


def in_order(
    archives: Sequence[ArchiveFile], tenant_id: str, names: Sequence[str], where: ds.Expression
) -> Iterator[tuple[Any, ...]]:
    """Some columns of the events of several files of a month, ordered by (at, source, event id); one table of them is in memory."""
    order = ("at", "source", "event_id")
    wanted = [*names, *(name for name in order if name not in names)]
    found = [batch for archive in archives for batch in _batches(archive, tenant_id, wanted, where)]
    if not found:
        return
    table = pa.Table.from_batches(found).sort_by([(name, "ascending") for name in order])
    for batch in table.to_batches(max_chunksize=_ROWS_A_BATCH):
        yield from zip(*(_values(name, batch.column(name)) for name in names), strict=True)


def contents_of(archive: ArchiveFile, tenant_id: str) -> Contents:
    """What a file holds, by reading it from its first to its last event."""
    found = Contents()
    for record in read(archive, tenant_id):
        found.add(record)
    return found


def check(archive: ArchiveFile, tenant_id: str) -> None:
    """That the file is there and is the one that was written, to the last byte; a file that has not changed since is believed."""
    try:
        found = Path(archive.path).stat()
        digest = _digest_of(archive.path, found.st_size, found.st_mtime_ns, found.st_ino)
    except OSError as error:
        raise ArchiveUnreadableError(archive, f"({error.strerror})") from error
    if digest != archive.sha256:
        raise ArchiveUnreadableError(archive, "is not the file that was written")
    try:
        known = pq.read_metadata(archive.path)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveUnreadableError(archive, "is no such file") from error
    labels = {key: value for key, value in (known.metadata or {}).items() if key.startswith(b"uptier.")}
    if labels != _labels(tenant_id, archive.month) or known.num_rows != archive.rows:
        raise ArchiveUnreadableError(archive, "holds another tenant's or another month's events")


def _batches(
    archive: ArchiveFile, tenant_id: str, names: list[str], where: ds.Expression | None
) -> Iterator[pa.RecordBatch]:
    check(archive, tenant_id)
    try:
        source = ds.dataset(archive.path, format="parquet")
        yield from source.to_batches(columns=names, filter=where, batch_size=_ROWS_A_BATCH, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveUnreadableError(archive, "cannot be read to its end") from error


def _labels(tenant_id: str, month: datetime) -> dict[bytes, bytes]:
    labels = {"format": _FORMAT, "tenant_id": tenant_id, "month": name_of(month)}
    return {f"uptier.{name}".encode(): value.encode() for name, value in labels.items()}


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == _ROWS_A_GROUP:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _table(chunk: Sequence[Record], schema: pa.Schema) -> pa.Table:
    values = dict(zip(Record._fields, zip(*chunk, strict=True), strict=True))
    values["data"] = tuple(map(dump, values["data"]))
    return pa.Table.from_arrays([pa.array(values[field.name], field.type) for field in schema], schema=schema)


def _values(name: str, column: pa.Array) -> list[Any]:
    if name == "data":
        return [json.loads(text) for text in column.to_pylist()]
    if name in _INSTANTS:
        naive = column.cast(pa.timestamp("us")).to_pylist()
        return [None if moment is None else moment.replace(tzinfo=UTC) for moment in naive]
    found: list[Any] = column.to_pylist()
    return found


@lru_cache(maxsize=1024)
def _digest_of(path: str, size: int, changed_ns: int, node: int) -> str:  # noqa: ARG001 (what the answer is remembered by)
    return _digest(path)


def _digest(path: Path | str) -> str:
    found = hashlib.sha256()
    with Path(path).open("rb") as handle:
        while block := handle.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _keep(path: Path) -> None:
    """Have the disk keep a file or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
