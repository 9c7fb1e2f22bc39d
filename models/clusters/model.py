"""Behavioural clusters, fitted: which cluster a row is nearest to, what it is called, and how it differs from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models.clusters.scale import Scale
from models.recommender.archive import read_archive, write_archive

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.tabular.table import FeatureTable, Floats

KIND = "clusters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """`id` survives refits, `name` is for people, `share` is its part of the customers it was fitted on."""

    id: str
    name: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterModel:
    """`centres` has shape (clusters, columns), in standard deviations from the average customer."""

    columns: tuple[str, ...]
    scale: Scale
    centres: Floats
    clusters: tuple[Cluster, ...]
    next_number: int
    task: ClassVar[str] = "clusters"

    def place(self, table: FeatureTable) -> NDArray[np.int64]:
        """Shape (rows,): the place in `clusters` of the nearest centre; the first one when equally near."""
        return nearest(self.scale.apply(table.select(self.columns).values), self.centres)

    def assign(self, table: FeatureTable) -> list[Cluster]:
        """The cluster of each row; the table may have more columns, in any order."""
        return [self.clusters[place] for place in self.place(table).tolist()]

    def deviations(self, cluster_id: str) -> dict[str, float]:
        """How a cluster's centre differs from the average customer, in standard deviations, largest first."""
        place = next(number for number, cluster in enumerate(self.clusters) if cluster.id == cluster_id)
        found = zip(self.columns, self.centres[place].tolist(), strict=True)
        return dict(sorted(found, key=lambda pair: -abs(pair[1])))

    def save(self, folder: Path) -> str:
        """Writes a new folder and returns its content hash."""
        arrays = {"centre": self.scale.centre, "spread": self.scale.spread, "centres": self.centres}
        document = {
            "columns": list(self.columns),
            "clusters": [{"id": c.id, "name": c.name, "share": c.share} for c in self.clusters],
            "next_number": self.next_number,
        }
        return write_archive(folder, kind=KIND, arrays=arrays, document=document)

    @classmethod
    def load(cls, folder: Path) -> ClusterModel:
        """The model that was saved; a damaged folder is an error."""
        arrays, document, _ = read_archive(folder, kind=KIND)
        return cls(
            columns=tuple(document["columns"]),
            scale=Scale(centre=arrays["centre"], spread=arrays["spread"]),
            centres=arrays["centres"],
            clusters=tuple(Cluster(**cluster) for cluster in document["clusters"]),
            next_number=int(document["next_number"]),
        )


def nearest(rows: Floats, centres: Floats) -> NDArray[np.int64]:
    """Shape (rows,): the place of the nearest centre of each scaled row."""
    squares = (centres**2).sum(axis=1) - 2 * rows @ centres.T
    return np.asarray(squares.argmin(axis=1), dtype=np.int64)
