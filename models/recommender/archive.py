"""A folder of named arrays and one JSON document: how fitted things are kept, written once and whole, never as pickles.

The content hash covers every array's name, type, shape and bytes and the document; it is checked on load. A folder appears by one rename,
so a reader sees all of it or nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from billing.kernel.errors import ConflictError, Kind, NotFoundError, UptierError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

_ARRAYS, _DOCUMENT = "arrays.npz", "document.json"


class ArchiveDamagedError(UptierError):
    """The folder is not what was written."""

    code: ClassVar[str] = "archive_damaged"
    kind: ClassVar[Kind] = Kind.UNAVAILABLE


class ArchiveMissingError(NotFoundError):
    """There is no archive in the folder."""

    code = "archive_missing"


class ArchiveExistsError(ConflictError):
    """Archives are immutable: another one needs another folder."""

    code = "archive_exists"


def write_archive(folder: Path, *, kind: str, arrays: Mapping[str, NDArray[Any]], document: Mapping[str, Any]) -> str:
    """Writes a new folder and returns its content hash; a folder that holds anything is refused."""
    if folder.exists() and any(folder.iterdir()):
        raise ArchiveExistsError(
            "the folder already holds something; archives are never overwritten", folder=folder.name
        )
    body = {"kind": kind, "document": dict(document)}
    digest = content_hash(arrays, body)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with (staging / _ARRAYS).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **dict(arrays))
            _settle(file.fileno(), file.flush)
        with (staging / _DOCUMENT).open("w", encoding="utf-8") as text:
            json.dump({**body, "sha256": digest}, text, indent=1, sort_keys=True)
            _settle(text.fileno(), text.flush)
        staging.chmod(0o755)
        staging.replace(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return digest


def read_archive(folder: Path, *, kind: str) -> tuple[Arrays, dict[str, Any], str]:
    """The arrays, the document and the content hash of a folder written as this kind."""
    if not (folder / _DOCUMENT).is_file():
        raise ArchiveMissingError("the folder holds no archive", folder=folder.name)
    try:
        body = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS, allow_pickle=False) as stored:
            arrays: Arrays = {name: stored[name] for name in stored.files}
        digest, found_kind, document = body.pop("sha256"), body["kind"], body["document"]
    except (OSError, ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ArchiveDamagedError("the archive cannot be read", folder=folder.name, cause=str(error)) from error
    if content_hash(arrays, body) != digest:
        raise ArchiveDamagedError("the archive's content does not match its hash", folder=folder.name)
    if found_kind != kind:
        raise ArchiveDamagedError(f"the archive is a {found_kind}, not a {kind}", folder=folder.name)
    return arrays, document, digest


def content_hash(arrays: Mapping[str, NDArray[Any]], body: Mapping[str, Any]) -> str:
    """SHA-256 over the arrays in order of name, then the JSON body in canonical form."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    digest.update(json.dumps(body, sort_keys=True, separators=(",", ":")).encode())
    return digest.hexdigest()


def _settle(descriptor: int, flush: Any) -> None:
    flush()
    os.fsync(descriptor)
