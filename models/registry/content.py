"""The files of a fitted model: a manifest of their hashes, and one hash over all of it that tells two models apart."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from models.registry.port import NothingToPublishError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def manifest_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path inside the folder; links and empty folders are refused."""
    if not folder.is_dir():
        raise NothingToPublishError("a model is published from its folder", folder=folder.name)
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise NothingToPublishError("a model's folder may not hold links", name=path.name)
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    if not found:
        raise NothingToPublishError("the folder holds no files", folder=folder.name)
    return found


def manifest_hash(manifest: Mapping[str, str]) -> str:
    """One hash over names and hashes.

    >>> manifest_hash({"a": "1", "b": "2"}) == manifest_hash({"b": "2", "a": "1"})
    True
    """
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(manifest.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
