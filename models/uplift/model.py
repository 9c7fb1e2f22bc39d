"""An uplift model as it is published: what the offer adds for a customer, and whether that may decide or only the mean effect does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models.recommender.archive import read_archive, write_archive
from models.uplift.combination import Combination

if TYPE_CHECKING:
    from pathlib import Path

    from models.tabular.table import FeatureTable, Floats

KIND = "uplift"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpliftModel:
    """`is_usable` says that customers differ for certain; otherwise everybody's uplift is the mean `effect`."""

    columns: tuple[str, ...]
    fitted: Combination
    is_usable: bool
    effect: float
    rung: str
    task: ClassVar[str] = "uplift"

    def uplift(self, table: FeatureTable) -> Floats:
        """Shape (rows,): what the offer adds to the chance of an upgrade; the table may have more columns, in any order."""
        if not self.is_usable:
            return np.full(len(table), self.effect)
        return self.fitted.uplift(np.nan_to_num(table.select(self.columns).values))

    def save(self, folder: Path) -> str:
        """Writes a new folder and returns its content hash."""
        document = {
            "columns": list(self.columns),
            "fitted": self.fitted.to_document(),
            "is_usable": self.is_usable,
            "effect": self.effect,
            "rung": self.rung,
        }
        return write_archive(folder, kind=KIND, arrays={}, document=document)

    @classmethod
    def load(cls, folder: Path) -> UpliftModel:
        """The model that was saved; a damaged folder is an error."""
        _, document, _ = read_archive(folder, kind=KIND)
        return cls(
            columns=tuple(document["columns"]),
            fitted=Combination.from_document(document["fitted"]),
            is_usable=bool(document["is_usable"]),
            effect=float(document["effect"]),
            rung=str(document["rung"]),
        )
