"""Finds the real data sets that tests and benchmarks may use: `UPTIER_DATA`, else `../shared/data` beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def data_file(relative: str) -> Path | None:
    """The path of a data file, or None when this machine does not have it."""
    root = Path(os.environ.get("UPTIER_DATA") or REPOSITORY.parent / "shared" / "data")
    path = root / relative
    return path if path.is_file() else None
