"""Behavioural clusters: found, named and kept apart from refit to refit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from models.clusters.fit import fit_clusters
from models.clusters.match import match_ids
from models.clusters.model import ClusterModel
from models.clusters.names import name_clusters
from models.recommender.archive import ArchiveDamagedError
from models.tabular.table import FeatureTable, TableError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("days_since_last_order", "orders_365d", "spend_365d_minor", "basket_value_365d_minor")
ARCHETYPES = np.array([[5, 40, 40_000, 1_000], [300, 2, 1_500, 700], [20, 6, 60_000, 10_000], [60, 12, 2_400, 200]])


def shop(rows: int = 400, seed: int = 0) -> tuple[FeatureTable, np.ndarray]:
    """Customers of four known archetypes, and which one each is."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, rows)
    return FeatureTable(COLUMNS, ARCHETYPES[kind] * np.exp(rng.normal(0, 0.25, (rows, 4)))), kind


def test_known_archetypes_are_found_and_told_apart() -> None:
    """Known answer: four groups, every customer in the right one, each with a name of its own."""
    table, kind = shop()

    model, report = fit_clusters(table)

    assert len(model.clusters) == 4
    assert adjusted_rand_score(kind, model.place(table)) > 0.97
    assert len({cluster.name for cluster in model.clusters}) == 4
    assert sum(cluster.share for cluster in model.clusters) == pytest.approx(1.0)
    assert report.share_moved is None
    lapsed = model.assign(FeatureTable(COLUMNS, ARCHETYPES[1:2].astype(float)))[0]
    assert lapsed.name.startswith("Lapsed")
    assert next(iter(model.deviations(lapsed.id))) in COLUMNS


def test_fitting_twice_gives_the_same_clusters() -> None:
    """Same rows, same seed, same ids, names and centres."""
    table, _ = shop()

    first, second = fit_clusters(table)[0], fit_clusters(table)[0]

    assert first.clusters == second.clusters
    np.testing.assert_array_equal(first.centres, second.centres)


def test_ids_survive_a_refit_on_other_rows_and_another_seed() -> None:
    """Customers of an archetype keep their id although k-means numbers clusters anew."""
    table, _ = shop(seed=1)
    later, _ = shop(rows=500, seed=2)
    model, _ = fit_clusters(table)

    again, report = fit_clusters(later, seed=7, previous=model)

    archetypes = FeatureTable(COLUMNS, ARCHETYPES.astype(float))
    assert [cluster.id for cluster in again.assign(archetypes)] == [cluster.id for cluster in model.assign(archetypes)]
    assert report.share_moved is not None
    assert report.share_moved < 0.03


def test_a_new_cluster_gets_an_id_that_was_never_used() -> None:
    """What has no counterpart is new; what vanished is not reused."""
    found = match_ids(
        np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 2]), old_ids=("c1", "c5"), clusters=3, next_number=6
    )

    assert sorted(found.ids) == ["c1", "c5", "c6"]
    assert found.ids[2] == "c5"
    assert found.next_number == 7
    assert found.share_moved == pytest.approx(2 / 6)


def test_other_features_make_all_ids_new() -> None:
    """Old clusters cannot be found again by columns that are gone."""
    table, _ = shop()
    model, _ = fit_clusters(table)

    again, report = fit_clusters(table.select(COLUMNS[1:]), previous=model)

    assert {cluster.id for cluster in again.clusters}.isdisjoint({cluster.id for cluster in model.clusters})
    assert report.share_moved == 1.0


@pytest.mark.parametrize("rows", [1, 5, 29])
def test_a_tiny_shop_is_one_cluster_and_says_why(rows: int) -> None:
    """Too few customers are not split."""
    model, report = fit_clusters(shop(rows)[0])

    assert [cluster.name for cluster in model.clusters] == ["All customers"]
    assert "too few" in report.why


def test_customers_who_are_all_alike_are_one_cluster() -> None:
    """Constant and missing columns are no error."""
    same = FeatureTable(("a", "b"), np.tile([3.0, np.nan], (100, 1)))

    model, _ = fit_clusters(same)

    assert len(model.clusters) == 1


def test_nobody_is_refused() -> None:
    """There is nothing to cluster."""
    with pytest.raises(TableError):
        fit_clusters(FeatureTable(COLUMNS, np.zeros((0, 4))))


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 7))
def test_names_differ_and_are_a_function_of_the_deviations(seed: int, clusters: int) -> None:
    """Whatever the centres, even equal ones."""
    rng = np.random.default_rng(seed)
    columns = (*COLUMNS, "loyalty_points", "usage_30d", "orders_30d")
    centres = rng.normal(size=(clusters, len(columns))).round()
    sizes = rng.integers(1, 50, clusters).tolist()

    names = name_clusters(columns, centres, sizes)

    assert len(set(names)) == clusters
    assert names == name_clusters(columns, centres, sizes)


def test_names_read_like_names() -> None:
    """The two largest deviations, the better adjective first."""
    centres = np.array([[-0.3, 1.8, 2.1, 0.3], [1.9, -0.4, -0.5, -1.2], [0.1, 0.0, 0.1, 0.0]])

    assert name_clusters(COLUMNS, centres, [3, 2, 1]) == (
        "Frequent big spenders",
        "Lapsed bargain hunters",
        "Typical customers",
    )


def test_saved_clusters_assign_as_before(tmp_path: Path) -> None:
    """Also with more columns in another order; a damaged folder is refused."""
    table, _ = shop()
    model, _ = fit_clusters(table)
    model.save(tmp_path / "clusters")
    wider = FeatureTable(("extra", *COLUMNS[::-1]), np.column_stack([np.ones(len(table)), table.values[:, ::-1]]))

    restored = ClusterModel.load(tmp_path / "clusters")

    assert restored.assign(wider) == model.assign(table)
    assert restored.next_number == model.next_number
    document = tmp_path / "clusters" / "document.json"
    document.write_text(document.read_text().replace('"c1"', '"c9"'))
    with pytest.raises(ArchiveDamagedError):
        ClusterModel.load(tmp_path / "clusters")


def test_a_cluster_that_is_found_again_keeps_its_name_while_it_is_true() -> None:
    """Its second trait grew past its first, which would name it the other way round; one that turned into its opposite is named anew."""
    columns = ("days_since_last_order", "spend_365d_minor")
    before = name_clusters(columns, np.array([[1.6, 1.2], [-1.0, -0.9]]), [5, 5])
    assert before == ("Lapsed big spenders", "Recent small spenders")

    grown = np.array([[1.2, 1.6], [-0.9, -1.0]])
    turned = np.array([[-1.2, 1.6], [-0.9, -1.0]])

    assert name_clusters(columns, grown, [5, 9], before=before) == before
    again = name_clusters(columns, turned, [5, 9], before=before)
    assert again[0] != before[0]
    assert again[1] == before[1]
    assert len(set(again)) == 2
