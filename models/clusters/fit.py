"""Finds behavioural clusters by k-means on scaled features; their number, 3 to 7, is the one of the best silhouette.

Deterministic for a seed. Too few different customers make one cluster, and the report says so. Given the previous model, ids carry over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from models.clusters.match import Matched, first_ids, match_ids
from models.clusters.model import Cluster, ClusterModel, nearest
from models.clusters.names import name_clusters
from models.clusters.scale import fit_scale
from models.tabular.table import TableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.tabular.table import FeatureTable, Floats

FEWEST_CLUSTERS, MOST_CLUSTERS = 3, 7
ROWS_PER_CLUSTER = 10
SILHOUETTE_ROWS = 2000
STARTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterReport:
    """How the number of clusters was chosen, and how many customers a refit moved (None on the first fit)."""

    rows: int
    silhouettes: dict[int, float]
    share_moved: float | None
    why: str


def fit_clusters(
    table: FeatureTable,
    *,
    seed: int = 0,
    previous: ClusterModel | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[ClusterModel, ClusterReport]:
    """The clusters of the table's rows, over all of its columns."""
    if not len(table) or not table.columns:
        raise TableError("clusters need at least one customer and one feature", rows=len(table))
    scale = fit_scale(table.values)
    rows = scale.apply(table.values)
    centres, silhouettes, why = _centres(rows, seed, progress)
    place = nearest(rows, centres)
    sizes = np.bincount(place, minlength=len(centres)).tolist()
    matched = _ids(table, place, sizes, previous)
    called = {} if previous is None else {cluster.id: cluster.name for cluster in previous.clusters}
    before = [called.get(cluster_id) for cluster_id in matched.ids]
    many = len(centres) > 1
    names = name_clusters(table.columns, centres, sizes, before=before) if many else ("All customers",)
    clusters = tuple(
        Cluster(id=cluster_id, name=name, share=size / len(table))
        for cluster_id, name, size in zip(matched.ids, names, sizes, strict=True)
    )
    model = ClusterModel(
        columns=table.columns, scale=scale, centres=centres, clusters=clusters, next_number=matched.next_number
    )
    return model, ClusterReport(rows=len(table), silhouettes=silhouettes, share_moved=matched.share_moved, why=why)


def _centres(rows: Floats, seed: int, progress: Callable[[str], None] | None) -> tuple[Floats, dict[int, float], str]:
    """Centres of the best number of clusters; every candidate starts from the same seed."""
    distinct = np.unique(rows.round(9), axis=0).shape[0]
    most = min(MOST_CLUSTERS, len(rows) // ROWS_PER_CLUSTER, distinct - 1)
    if most < FEWEST_CLUSTERS:
        why = f"{len(rows)} customers ({distinct} different) are too few to tell {FEWEST_CLUSTERS} clusters apart"
        return rows.mean(axis=0, keepdims=True), {}, why
    silhouettes: dict[int, float] = {}
    found: dict[int, Floats] = {}
    for clusters in range(FEWEST_CLUSTERS, most + 1):
        if progress:
            progress(f"trying {clusters} clusters")
        fitted = KMeans(n_clusters=clusters, n_init=STARTS, random_state=seed).fit(rows)
        sample = min(SILHOUETTE_ROWS, len(rows))
        silhouettes[clusters] = float(silhouette_score(rows, fitted.labels_, sample_size=sample, random_state=seed))
        found[clusters] = np.asarray(fitted.cluster_centers_, dtype=np.float64)
    best = max(silhouettes, key=lambda clusters: (silhouettes[clusters], -clusters))
    return found[best], silhouettes, f"{best} clusters have the best silhouette, {silhouettes[best]:.2f}"


def _ids(table: FeatureTable, place: NDArray[np.int64], sizes: list[int], previous: ClusterModel | None) -> Matched:
    if previous is None:
        return first_ids(sizes)
    if not set(previous.columns) <= set(table.columns):
        fresh = first_ids(sizes)  # other features: the old clusters cannot be found again, so their ids are not reused
        first = previous.next_number
        ids = tuple(f"c{int(name[1:]) + first - 1}" for name in fresh.ids)
        return Matched(ids=ids, next_number=first + len(sizes), share_moved=1.0)
    return match_ids(
        previous.place(table),
        place,
        old_ids=[cluster.id for cluster in previous.clusters],
        clusters=len(sizes),
        next_number=previous.next_number,
    )
