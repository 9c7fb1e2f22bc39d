"""What the ladder ends in: one rung with its calibrator, asked by column name, kept as JSON and arrays with a content hash."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models.recommender.archive import read_archive, write_archive
from models.tabular.base_rate import BaseRate
from models.tabular.bent_logistic import BentLogistic
from models.tabular.blend import Blend
from models.tabular.boosted import Boosted
from models.tabular.calibrate import Calibrator
from models.tabular.categories import NO_CATEGORIES, Categories
from models.tabular.logistic import Logistic
from models.tabular.reasons import FeatureReason, rank_reasons
from models.tabular.recency_rule import RecencyRule
from models.tabular.silence import SilenceProcess
from models.tabular.tenure_table import TenureTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models.tabular.contract import Rung
    from models.tabular.table import FeatureTable, Floats

KIND = "tabular"
RUNGS = {
    rung.name: rung
    for rung in (BaseRate, RecencyRule, SilenceProcess, TenureTable, Logistic, BentLogistic, Boosted, Blend)
}


@dataclass(frozen=True, slots=True, eq=False)
class TabularModel:
    """`columns` are the inputs in the rung's order; `groups` names the feature of a column where it is not the column itself.

    `categories` turns columns of level numbers into scores before the rung sees them.
    """

    columns: tuple[str, ...]
    rung: Rung
    calibrator: Calibrator
    groups: Mapping[str, str] = field(default_factory=dict)
    categories: Categories = NO_CATEGORIES

    @property
    def rung_name(self) -> str:
        """Such as `logistic regression (rung 2)`."""
        return f"{self.rung.name} (rung {self.rung.number})"

    def probability(self, table: FeatureTable) -> Floats:
        """Shape (rows,): calibrated; the table may have more columns, in any order."""
        return self.score(table.select(self.columns).values)

    def score(self, values: Floats) -> Floats:
        """Shape (rows,) for rows already in the order of `columns`: the fast way for one customer."""
        return self.calibrator.apply(self.rung.probability(self.categories.transform(values)))

    def uncalibrated(self, table: FeatureTable) -> Floats:
        """Shape (rows,): what the rung says by itself, which a check of its fit must see."""
        return self.rung.probability(self.categories.transform(table.select(self.columns).values))

    def reasons(self, row: FeatureTable) -> tuple[FeatureReason, ...]:
        """Why the first row scores as it does, largest part first."""
        contributions = self._contributions(row.take(np.arange(1)))
        return rank_reasons(self.columns, contributions[0], self.groups)

    def all_reasons(self, table: FeatureTable) -> list[tuple[FeatureReason, ...]]:
        """The reasons of every row, computed in one pass."""
        return [rank_reasons(self.columns, row, self.groups) for row in self._contributions(table)]

    def _contributions(self, table: FeatureTable) -> Floats:
        return self.rung.contributions(self.categories.transform(table.select(self.columns).values))

    def save(self, folder: Path) -> str:
        """Writes a new folder and returns its content hash."""
        arrays, document = self.to_parts()
        return write_archive(folder, kind=KIND, arrays=arrays, document=document)

    @classmethod
    def load(cls, folder: Path) -> TabularModel:
        """The model that was saved; a damaged folder is an error."""
        arrays, document, _ = read_archive(folder, kind=KIND)
        return cls.from_parts(arrays, document)

    def to_parts(self) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
        """Arrays and a JSON document that `from_parts` takes."""
        rung_arrays, rung = self.rung.parts()
        fitted_arrays, calibrator = self.calibrator.parts()
        arrays = {f"rung.{name}": array for name, array in rung_arrays.items()}
        arrays |= {f"calibrator.{name}": array for name, array in fitted_arrays.items()}
        if self.categories.places.size:
            arrays |= {f"categories.{name}": array for name, array in self.categories.arrays().items()}
        document = {
            "columns": list(self.columns),
            "groups": dict(self.groups),
            "rung": {"name": self.rung.name, **rung},
            "calibrator": dict(calibrator),
        }
        return arrays, document

    @classmethod
    def from_parts(cls, arrays: Mapping[str, np.ndarray[Any, Any]], document: Mapping[str, Any]) -> TabularModel:
        """The model that `to_parts` took apart."""
        rung_class: Any = RUNGS[document["rung"]["name"]]
        categories = _under("categories.", arrays)
        return cls(
            columns=tuple(document["columns"]),
            rung=rung_class.from_parts(_under("rung.", arrays), document["rung"]),
            calibrator=Calibrator.from_parts(_under("calibrator.", arrays), document["calibrator"]),
            groups=dict(document["groups"]),
            categories=Categories.from_arrays(categories) if categories else NO_CATEGORIES,
        )


def _under(prefix: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
