"""The boosting rung over two workers is as good as over one, and a cluster that is not there is said in a sentence."""

from __future__ import annotations

import socket
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.metrics.classification import auc
from models.tabular.boosted import fit_boosted
from models.tabular.ladder import LadderConfig, fit_ladder
from models.tabular.table import Examples, FeatureTable
from training.scale_out import Cluster, ClusterAwayError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.scale
ROWS = 12_000


def shop(rows: int = ROWS, seed: int = 0) -> Examples:
    """Rows whose outcome follows from two of six columns, bent."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 6))
    odds = values[:, 0] - np.abs(values[:, 1]) + 0.5 * values[:, 0] * (values[:, 2] > 0)
    label = random.random(rows) < 1 / (1 + np.exp(-odds))
    columns = tuple(f"c{number}" for number in range(6))
    return Examples(FeatureTable(columns, values), label, np.arange(rows))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two processes of one thread."""
    local_cluster = import_module("distributed").LocalCluster

    with local_cluster(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True) as found:
        yield Cluster(found.scheduler_address)


def test_two_workers_are_as_good_as_one(cluster: Cluster) -> None:
    """AUC on other rows within .002; what comes back is kept and explained as ever."""
    train, judged = shop(), shop(seed=1)

    alone, together = fit_boosted(train), cluster.grow(train)

    values = judged.table.values
    apart = auc(judged.label, together.probability(values)) - auc(judged.label, alone.probability(values))
    assert abs(apart) < 0.002
    back = type(together).from_parts(*together.parts())
    assert np.array_equal(back.probability(values), together.probability(values))
    total = together.contributions(values[:50]).sum(axis=1) + together.base
    assert np.allclose(total, together.score(values[:50]), atol=1e-9)


def test_the_ladder_climbs_over_the_cluster(cluster: Cluster) -> None:
    """The rung that the workers grew is judged beside the others."""
    parts = [shop(1500, seed) for seed in (1, 2, 3)]
    config = LadderConfig(blend=None, grow=cluster.grow)

    _, report = fit_ladder(*parts, config=config, rng=np.random.default_rng(0))

    assert "boosted trees" in {result.name for result in report.results}


def test_a_cluster_that_is_away_is_said() -> None:
    """With its address, within the time that was given."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterAwayError, match="no Dask scheduler answers at tcp"):
            Cluster(address, seconds=0.5).grow(shop(200))
