"""The snapshot that a tabular run learns from: rows at several moments, written once as Parquet beside a manifest, and verified when read.

The key says what the rows are: whose, for which task, as of when, looking how far ahead, by which definitions of features and label, from
which rows of the sources. Equal keys have equal rows; so a snapshot that is there is never computed again, and never written over. Labels
are of windows that have wholly passed, with the allowance for late news. The manifest's hash stands on the model's card.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from billing.kernel.errors import ConflictError
from models.tabular.table import Examples, FeatureTable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

ROWS, MANIFEST = "rows.parquet", "manifest.json"
_CUSTOMER, _AS_OF, _LABEL = "__customer", "__as_of_us", "__label"


class SnapshotDamagedError(ConflictError):
    """What lies there is not what was written."""

    code = "snapshot_damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotKey:
    """What a snapshot is of; times in microseconds of UTC. `source_hash` is of the rows that it was computed from."""

    tenant: str
    task: str
    as_of_us: int
    horizon_days: int
    allowance_days: int
    feature_spec_hash: str
    label_spec_hash: str
    source_hash: str

    @property
    def name(self) -> str:
        """The folder's name: a hash of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot holds. `erased` counts customers taken out since; `first_hash` is the content's hash before that."""

    key: SnapshotKey
    columns: tuple[str, ...]
    rows: int
    positives: int
    moments: Mapping[str, Mapping[str, int]]
    event_us: tuple[int, int]
    received_us: tuple[int, int]
    content_hash: str
    first_hash: str
    erased: int = 0

    def to_document(self) -> dict[str, Any]:
        """JSON values."""
        found = asdict(self)
        return found | {
            "columns": list(self.columns),
            "event_us": list(self.event_us),
            "received_us": list(self.received_us),
            "moments": {name: dict(values) for name, values in self.moments.items()},
        }

    @property
    def sha256(self) -> str:
        """One hash of the manifest as it was when the snapshot was written: what a card quotes."""
        first = self.to_document() | {"content_hash": self.first_hash, "erased": 0}
        whole = {name: value for name, value in first.items() if name not in {"rows", "positives", "moments"}}
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Manifest:
        """The manifest that `to_document` wrote."""
        return cls(
            key=SnapshotKey(**document["key"]),
            columns=tuple(document["columns"]),
            rows=document["rows"],
            positives=document["positives"],
            moments=document["moments"],
            event_us=tuple(document["event_us"]),
            received_us=tuple(document["received_us"]),
            content_hash=document["content_hash"],
            first_hash=document["first_hash"],
            erased=document["erased"],
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Labelled rows with the moment of each, shape (rows,), and their manifest."""

    examples: Examples
    as_of_us: NDArray[np.int64]
    manifest: Manifest

    def without(self, erased: Collection[str]) -> Snapshot:
        """The same without the rows of some customers; the manifest stays, since it tells what was written."""
        if not erased:
            return self
        kept = ~np.isin(self.examples.customers, np.asarray(sorted(erased), dtype=np.str_))
        return Snapshot(self.examples.take(np.flatnonzero(kept)), self.as_of_us[kept], self.manifest)


def describe_rows(
    key: SnapshotKey,
    examples: Examples,
    as_of_us: NDArray[np.int64],
    *,
    event_us: tuple[int, int],
    received_us: tuple[int, int],
) -> Snapshot:
    """The snapshot of computed rows, in memory. `event_us` and `received_us` are the least and greatest in its sources."""
    table = _table(examples, as_of_us)
    content = _content_hash(table)
    manifest = Manifest(
        key=key,
        columns=examples.table.columns,
        event_us=event_us,
        received_us=received_us,
        content_hash=content,
        first_hash=content,
        **_counts(examples, as_of_us),
    )
    return Snapshot(examples, as_of_us, manifest)


def write_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Fill a new folder with the rows and the manifest, read both back, and refuse what is not the same."""
    _write(snapshot, folder)
    read_snapshot(folder)


def read_snapshot(folder: Path, erased: Collection[str] = ()) -> Snapshot:
    """The snapshot as it was written, without customers erased since. Raises SnapshotDamagedError."""
    try:
        manifest = Manifest.from_document(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        table = pq.read_table(folder / ROWS)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise SnapshotDamagedError("a snapshot cannot be read", snapshot=folder.name) from error
    if _content_hash(table) != manifest.content_hash:
        raise SnapshotDamagedError("a snapshot's rows are not those that were written", snapshot=folder.name)
    values = np.column_stack([table.column(name).to_numpy() for name in manifest.columns])
    examples = Examples(
        FeatureTable(manifest.columns, values.astype(np.float64)),
        np.asarray(table.column(_LABEL).to_pylist(), dtype=np.bool_),
        np.asarray(table.column(_CUSTOMER).to_pylist(), dtype=np.str_),
    )
    return Snapshot(examples, table.column(_AS_OF).to_numpy().astype(np.int64), manifest).without(erased)


def purge_snapshot(folder: Path, customers: Collection[str]) -> int:
    """Write a snapshot anew without some customers and say so in its manifest; the answer is how many rows went."""
    found = read_snapshot(folder)
    kept = purged(found, customers)
    gone = len(found.examples) - len(kept.examples)
    if gone:
        _write(kept, folder)
    return gone


def purged(snapshot: Snapshot, customers: Collection[str]) -> Snapshot:
    """The snapshot without some customers, and with a manifest that says so; unchanged where it knows none of them."""
    kept = snapshot.without(customers)
    if len(kept.examples) == len(snapshot.examples):
        return snapshot
    gone = np.isin(snapshot.examples.customers, np.asarray(sorted(customers), dtype=np.str_))
    manifest = replace(
        snapshot.manifest,
        content_hash=_content_hash(_table(kept.examples, kept.as_of_us)),
        erased=snapshot.manifest.erased + int(np.unique(snapshot.examples.customers[gone]).size),
        **_counts(kept.examples, kept.as_of_us),
    )
    return Snapshot(kept.examples, kept.as_of_us, manifest)


def _write(snapshot: Snapshot, folder: Path) -> None:
    staged = folder / f".{ROWS}"
    pq.write_table(_table(snapshot.examples, snapshot.as_of_us), staged, compression="zstd")
    manifest = folder / f".{MANIFEST}"
    manifest.write_text(json.dumps(snapshot.manifest.to_document(), indent=1, sort_keys=True), encoding="utf-8")
    staged.replace(folder / ROWS)
    manifest.replace(folder / MANIFEST)


def _counts(examples: Examples, as_of_us: NDArray[np.int64]) -> dict[str, Any]:
    moments = {
        str(moment): {
            "rows": int((as_of_us == moment).sum()),
            "positives": int(examples.label[as_of_us == moment].sum()),
        }
        for moment in np.unique(as_of_us).tolist()
    }
    return {"rows": len(examples), "positives": examples.positives, "moments": moments}


def _table(examples: Examples, as_of_us: NDArray[np.int64]) -> pa.Table:
    columns: dict[str, Any] = {
        _CUSTOMER: pa.array(examples.customers.tolist(), pa.string()),
        _AS_OF: pa.array(as_of_us, pa.int64()),
        _LABEL: pa.array(examples.label, pa.bool_()),
    }
    for number, name in enumerate(examples.table.columns):
        columns[name] = pa.array(examples.table.values[:, number], pa.float64())
    return pa.table(columns)


def _content_hash(table: pa.Table) -> str:
    """Over names and values, whatever the file's layout; a missing value is NaN, and one NaN is as good as another."""
    digest = hashlib.sha256()
    for name in table.column_names:
        column = table.column(name)
        digest.update(f"{name}\0{column.type}\0".encode())
        if pa.types.is_string(column.type):
            digest.update("\0".join(column.to_pylist()).encode())
        elif pa.types.is_boolean(column.type):
            digest.update(np.asarray(column.to_pylist(), dtype=np.bool_).tobytes())
        else:
            digest.update(np.nan_to_num(column.to_numpy(), nan=1.5e308, copy=True).tobytes())
    return digest.hexdigest()
