"""Keeps tiles as Parquet files: one a tile in a folder that is swapped whole, with the midnight they are known up to."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from billing.kernel.errors import NotFoundError
from features.view import DAY_US

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from features.tiles import Tiles

_UNTIL: Final = b"uptier_known_until_us"


class NoTilesError(NotFoundError):
    """Nothing, or nothing whole, lies in the folder."""

    code = "no_feature_tiles"


@dataclass(frozen=True, slots=True)
class KeptTiles:
    """Tiles, and the midnight (int64 microseconds in UTC) up to which rows had arrived; later ones are still to be added."""

    tiles: Tiles
    known_until_us: int

    def without(self, erased: Collection[str]) -> KeptTiles:
        """The same without customers who were erased since."""
        gone = pa.array(sorted(erased), pa.string())
        kept = {
            name: table.filter(pc.invert(pc.is_in(table.column("customer"), value_set=gone)))
            for name, table in self.tiles.items()
        }
        return KeptTiles(kept, self.known_until_us)


def write_tiles(kept: KeptTiles, folder: Path) -> None:
    """Put tiles in the place of those in a folder; a reader finds the old ones or the new, never some of each."""
    staging, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for leftover in (staging, old):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir(parents=True)
    until = str(kept.known_until_us - kept.known_until_us % DAY_US).encode()
    for name, table in kept.tiles.items():
        marked = table.replace_schema_metadata({**(table.schema.metadata or {}), _UNTIL: until})
        pq.write_table(marked, staging / f"{name}.parquet", compression="zstd")
    if folder.exists():
        folder.rename(old)
    staging.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def read_tiles(folder: Path, erased: Collection[str] = ()) -> KeptTiles:
    """The tiles of a folder, without whom was erased since; raises NoTilesError."""
    tables = {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}
    marks = {(table.schema.metadata or {}).get(_UNTIL) for table in tables.values()}
    if len(marks) != 1 or None in marks:
        raise NoTilesError("there are no feature tiles here; build them first", folder=folder.name)
    kept = KeptTiles(tables, int(marks.pop() or 0))
    return kept.without(erased) if erased else kept
