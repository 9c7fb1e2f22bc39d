"""The files of exports on disk: put in place whole, readable by the server's own user alone, removed when their time is over."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_UNFINISHED: Final = ".part"
_BEING_WRITTEN: Final = timedelta(hours=24)
_BEING_RECORDED: Final = timedelta(hours=1)


def path_of(home: Path, tenant_id: str, export_id: str, file_format: str) -> Path:
    """Where the file of an export is kept."""
    return folder_of(home, tenant_id) / f"{export_id}.{file_format}"


def folder_of(home: Path, tenant_id: str) -> Path:
    """Where the files of a tenant are."""
    return home / "exports" / tenant_id


class ExportFile:
    """A file on its way, counted and hashed: it appears under its name when the block ends, and not at all when it raises."""

    def __init__(self, path: Path) -> None:
        self._path, self._unfinished = path, path.with_name(path.name + _UNFINISHED)
        self._hash, self.size_bytes = hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        """The checksum of everything written so far (hex)."""
        return self._hash.hexdigest()

    def write(self, data: bytes, /) -> int:
        """Take the next bytes."""
        self._hash.update(data)
        self.size_bytes += len(data)
        return self._handle.write(data)

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self._handle = os.fdopen(os.open(self._unfinished, flags, 0o600), "wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._handle.flush()
            os.fsync(self._handle.fileno())
        self._handle.close()
        if kind is None:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink(missing_ok=True)


def remove_old(folder: Path, kept: Collection[str], now: datetime) -> int:
    """Remove the files of exports that are not `kept` (ids), but for those that may be on their way; how many."""
    removed = 0
    for file in sorted(folder.glob("*")) if folder.is_dir() else []:
        age = now - datetime.fromtimestamp(file.stat().st_mtime, UTC)
        patience = _BEING_WRITTEN if file.suffix == _UNFINISHED else _BEING_RECORDED
        if file.name.partition(".")[0] not in kept and age > patience:
            file.unlink(missing_ok=True)
            removed += 1
    return removed
