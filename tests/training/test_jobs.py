"""All jobs on a shop whose truth is known: what they report, what they write, and how much of the truth they find again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score

from features.scores.store import ScoreStore
from features.segments.store import SegmentStore
from models.bundles.snapshot import BundleSnapshot
from models.churn.model import ChurnModel
from models.clusters.model import ClusterModel
from models.metrics.classification import auc
from models.propensity.model import PropensityModel
from models.recommender.snapshot import RecommenderSnapshot
from models.registry.folder import FolderRegistry
from models.registry.memory import MemoryRegistry
from serving.champions import ModelLoader
from tests.training.conftest import SEED
from training.jobs import JOBS, UnknownTaskError, run_jobs

if TYPE_CHECKING:
    from pathlib import Path

    from models.registry.port import ModelVersion
    from tests.training.conftest import Trained
    from tests.training.stocked import Stocked

DAY_US = 86_400_000_000
TRAINED = [task for task in JOBS if task != "uplift"]  # this shop has shown no offer yet


def _champion(trained: Trained, task: str) -> ModelVersion:
    found = trained.registry.champion(trained.tenant, task)
    assert found is not None, trained.reports[task].reason
    return found


def _places(trained: Trained, customers: list[str]) -> list[int]:
    """Where these customers stand in the truth."""
    place = {customer: number for number, customer in enumerate(trained.stocked.ids)}
    return [place[customer] for customer in customers]


def test_every_job_reports_what_it_did_and_why(trained: Trained) -> None:
    """In the order of the jobs, each with a sentence for people, and each told its progress."""
    assert list(trained.reports) == list(JOBS)
    for task in TRAINED:
        report = trained.reports[task]
        assert report.promoted, report.reason
        assert report.version == _champion(trained, report.task).version
        assert "Promoted: " in report.reason
        assert report.reason.endswith(".")
    assert {task for task, _ in trained.told} >= {"history", *TRAINED}


def test_every_champion_loads_and_its_card_tells_where_it_comes_from(trained: Trained) -> None:
    """The files are whole; the card names the tenant, the moment, the rows, the seed's run and the gate's words."""
    loaders = {
        "segments": ClusterModel,
        "churn": ChurnModel,
        "propensity": PropensityModel,
        "recommender": RecommenderSnapshot,
        "bundles": BundleSnapshot,
    }
    hashes = set()
    for task, kind in loaders.items():
        found = _champion(trained, task)
        kind.load(found.folder)  # type: ignore[attr-defined] # every kind of model loads itself
        card = found.card
        assert (card.tenant, card.task, card.version, card.seed) == (trained.tenant, task, found.version, SEED)
        assert card.as_of == trained.stocked.now == card.window_end
        assert card.rows > 0
        assert trained.reports[task].reason.endswith((card.gate or {})["reason"])
        hashes.add(card.data_hash)
    assert len(hashes) == 1


def test_what_was_trained_is_what_serving_loads(trained: Trained) -> None:
    """The loader of the server finds the new models in the same folder."""
    loader = ModelLoader(trained.registry)
    recommender, bundles = loader.recommender(trained.tenant), loader.bundles(trained.tenant)

    assert recommender is not None
    assert bundles is not None
    assert (recommender[1], bundles[1]) == ("v0001", "v0001")


@pytest.mark.parametrize("task", ["churn", "propensity"])
def test_scores_are_written_with_reasons_rung_and_version(trained: Trained, task: str) -> None:
    """For everybody the question is about, and for nobody who has left."""
    scores, shop, champion = trained.scores[task], trained.stocked.shop, _champion(trained, task)
    places = _places(trained, list(scores))
    here = np.flatnonzero(shop.truth.leaves_us >= shop.spec.end_us)

    assert set(places) <= set(here.tolist())
    assert task != "churn" or len(places) == len(here)
    for score in scores.values():
        assert 0 < score.value < 1
        assert (score.version, score.as_of) == (champion.version, trained.stocked.now)
        assert score.document["horizon_days"] == 30
        assert score.document["rung"] == champion.card.rung
        reasons = score.document["reasons"]
        assert len(reasons) <= 3
        assert all(each["text"] and each["direction"] in {"raises", "lowers"} for each in reasons)
        assert [each["weight"] for each in reasons] == sorted((each["weight"] for each in reasons), reverse=True)


def test_learned_churn_ranks_members_by_their_true_hazard(trained: Trained) -> None:
    """A learned rung serves; its order agrees with the hazards that nobody told it (0.54 when written) far beyond chance."""
    scores = trained.scores["churn"]
    hazard = trained.stocked.shop.truth.monthly_hazard[_places(trained, list(scores))]
    values = [score.value for score in scores.values()]

    assert next(iter(scores.values())).document["rung"].startswith(("logistic", "boosted", "tuned"))
    assert spearmanr(values, hazard).statistic > 0.35


def test_learned_churn_tells_who_leaves_in_the_month_that_nobody_has_seen(trained: Trained) -> None:
    """The truth goes on after the last row of data: who leaves in the next thirty days scores higher (AUC 0.75 when written)."""
    scores, shop = trained.scores["churn"], trained.stocked.shop
    leaves_us = shop.truth.leaves_us[_places(trained, list(scores))]
    leaves = leaves_us < shop.spec.end_us + 30 * DAY_US
    values = np.array([score.value for score in scores.values()])

    assert 20 < leaves.sum() < len(leaves) / 2
    assert auc(leaves, values) > 0.65
    assert abs(values.mean() - leaves.mean()) < 0.04


def test_the_recommender_beats_what_needs_no_learning(trained: Trained) -> None:
    """Recall of new items on the last month: surely above popularity and habit, and not below any peer."""
    figures, card = trained.reports["recommender"].figures, _champion(trained, "recommender").card
    ours = figures["recall of new items"]

    for name in ("popular, all time", "popular, last 30 days", "own frequency"):
        assert ours["mean"] > figures[f"baseline: {name}"]["mean"] * 1.1
    checks = (card.gate or {})["checks"]
    assert {check["name"] for check in checks if check["passed"]} >= {"baseline: popular, all time"}
    assert all(check["passed"] for check in checks)


def test_bundles_find_the_pairs_that_truly_go_together(trained: Trained) -> None:
    """The companion of every planted pair is among its anchor's two strongest partners of 119."""
    snapshot, shop = BundleSnapshot.load(_champion(trained, "bundles").folder), trained.stocked.shop
    keys = snapshot.items.tolist()
    ranks = []
    for anchor, companion in zip(shop.pairs.anchor.tolist(), shop.pairs.companion.tolist(), strict=True):
        code = keys.index(shop.products.key[anchor])
        order = snapshot.neighbours[code][np.argsort(-snapshot.weights[code], kind="stable")]
        ranks.append([keys[place] for place in order].index(shop.products.key[companion]))

    assert len(ranks) == 12
    assert max(ranks) <= 1
    assert sum(rank == 0 for rank in ranks) >= 10


def test_segments_tell_archetypes_apart_better_than_chance(trained: Trained) -> None:
    """The adjusted Rand index is small (0.085 when written: segments follow activity, not taste) but beyond every shuffle of the truth."""
    truth = trained.stocked.shop.truth.archetype[_places(trained, list(trained.members))]
    found = list(trained.members.values())
    rng = np.random.default_rng(0)
    by_chance = [adjusted_rand_score(rng.permutation(truth), found) for _ in range(200)]

    assert adjusted_rand_score(truth, found) > 0.05
    assert adjusted_rand_score(truth, found) > 5 * max(by_chance)


def test_every_customer_who_did_anything_is_in_one_named_segment(trained: Trained) -> None:
    """The sizes add up, the names differ, and each says what stands out."""
    assert set(trained.members) == set(trained.stocked.ids)
    assert sum(segment.size for segment in trained.segments) == len(trained.members)
    assert len({segment.name for segment in trained.segments}) == len(trained.segments) > 1
    assert all(segment.profile["stands_out"] and segment.version == "v0001" for segment in trained.segments)


@pytest.fixture(scope="module")
def again(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> FolderRegistry:
    """A copy of the registry after a second run of everything over the same database with the same seed."""
    root: Path = tmp_path_factory.mktemp("again") / "models"
    shutil.copytree(trained.root, root)
    registry, stocked = FolderRegistry(root), trained.stocked
    run_jobs(stocked.database, stocked.scope, registry, now=stocked.now, seed=SEED)
    return registry


@pytest.mark.parametrize("task", TRAINED)
def test_the_same_data_and_seed_make_the_same_model_to_the_byte(
    trained: Trained, again: FolderRegistry, task: str
) -> None:
    """Files, data hash and figures of the second run are those of the first (intervals are drawn anew)."""
    before = trained.registry.versions(trained.tenant, task)
    first, second = before[0], again.versions(trained.tenant, task)[len(before)]

    assert second.sha256 == first.sha256
    assert second.card.data_hash == first.card.data_hash
    assert [value.mean for value in second.card.metrics.values()] == [
        value.mean for value in first.card.metrics.values()
    ]


@pytest.mark.parametrize("task", TRAINED)
def test_a_second_run_never_leaves_the_tenant_without_a_champion(
    trained: Trained, again: FolderRegistry, task: str
) -> None:
    """The gate keeps the champion or puts the new version in its place, and what pages read carries the version that serves."""
    champion = again.champion(trained.tenant, task)
    newest = again.versions(trained.tenant, task)[-1]

    assert champion is not None
    assert champion.version in {newest.version, _champion(trained, task).version}
    assert (champion.version == newest.version) == (newest.card.gate or {})["promote"]
    with trained.stocked.database.view(trained.stocked.scope) as unit:
        if task == "segments":
            versions = {segment.version for segment in SegmentStore(unit).all()}
        else:
            versions = {score.version for score in ScoreStore(unit).of_task(task).values()}
    assert versions <= {champion.version}
    assert versions or task in {"recommender", "bundles"}


def test_a_refit_on_the_same_data_moves_nobody_to_another_segment(trained: Trained, again: FolderRegistry) -> None:
    """Ids outlive a refit."""
    with trained.stocked.database.view(trained.stocked.scope) as unit:
        assert SegmentStore(unit).members() == trained.members


def test_an_unknown_task_is_refused_before_anything_is_read(stocked: Stocked) -> None:
    """With the names there are."""
    with pytest.raises(UnknownTaskError, match="segments, churn, payment_failure, lifetime, propensity"):
        run_jobs(stocked.database, stocked.scope, MemoryRegistry(), now=stocked.now, tasks=["chrun"])
