"""Every table of rows, whatever else a test run imported."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from billing.db.base import Base
from tests.data_files import REPOSITORY

if TYPE_CHECKING:
    from sqlalchemy import MetaData


def metadata() -> MetaData:
    """The tables that the modules called `tables` of all packages declare."""
    for root in ("billing", "features", "models", "training", "serving"):
        for file in sorted((REPOSITORY / root).rglob("tables.py")):
            import_module(".".join(file.relative_to(REPOSITORY).with_suffix("").parts))
    return Base.metadata
