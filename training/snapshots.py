"""Where snapshots lie: a folder a tenant and task, found by key, verified when read, purged of whom was erased, the oldest dropped."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.dataset import (
    MANIFEST,
    Snapshot,
    SnapshotDamagedError,
    SnapshotKey,
    purge_snapshot,
    purged,
    read_snapshot,
    write_snapshot,
)
from training.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

KEPT_A_TASK = 5


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of one tenant's task; without a folder they are computed and not kept."""

    folder: Path | None = None

    def get(self, key: SnapshotKey, compute: Callable[[], Snapshot], *, erased: Collection[str] = ()) -> Snapshot:
        """The snapshot of a key: read if it was written before, else computed, written and read back. Never anybody who was erased.

        One that turns out damaged is computed anew.
        """
        shelf = Stages(self.folder)
        place = shelf.find(key.name)
        if place is not None:
            try:
                return read_snapshot(place, erased)
            except SnapshotDamagedError:
                shelf.drop(key.name)
        found = purged(compute(), erased)
        shelf.keep(key.name, lambda staging: write_snapshot(found, staging))
        self._drop_oldest()
        return found

    def _drop_oldest(self) -> None:
        if self.folder is not None:
            written = sorted(_places(self.folder), key=lambda place: (place / MANIFEST).stat().st_mtime_ns)
            for place in written[:-KEPT_A_TASK]:
                shutil.rmtree(place, ignore_errors=True)


def snapshots_of(home: Path | None, tenant: str, task: str) -> Snapshots:
    """The snapshots of a tenant's task under an installation's home folder; without a home nothing is kept."""
    return Snapshots(None if home is None else _root(home, tenant) / task)


def purge(home: Path, tenant: str, customers: Collection[str]) -> int:
    """Take customers out of every snapshot of a tenant; the answer is how many rows went. One that is damaged is removed whole."""
    gone = 0
    if not customers or not _root(home, tenant).is_dir():
        return 0
    for task in sorted(_root(home, tenant).iterdir()):
        for place in _places(task):
            try:
                gone += purge_snapshot(place, customers)
            except SnapshotDamagedError:
                shutil.rmtree(place, ignore_errors=True)
    return gone


def _root(home: Path, tenant: str) -> Path:
    return home / "learning" / tenant / "snapshots"


def _places(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from sorted(place for place in folder.iterdir() if (place / MANIFEST).is_file())
