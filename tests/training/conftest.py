"""One simulated shop in a database, trained once, for every test that compares what was learned with the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from billing.db.migrate import upgrade
from billing.db.session import Database
from features.scores.store import Score, ScoreStore
from features.segments.store import Segment, SegmentStore
from models.registry.folder import FolderRegistry
from tests.training.stocked import Stocked, stock
from training.history import History, load_history
from training.jobs import run_jobs
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.context import JobReport

SPEC = ShopSpec(customers=1200, days=300, seed=7)
SEED = 1


@dataclass(frozen=True, slots=True)
class Trained:
    """What the first run of all jobs left: its reports, the registry's root, and what it wrote for pages to read."""

    stocked: Stocked
    root: Path
    reports: dict[str, JobReport]
    scores: dict[str, dict[str, Score]]
    segments: list[Segment]
    members: dict[str, str]
    told: list[tuple[str, str]]

    @property
    def registry(self) -> FolderRegistry:
        """The registry that the run published to; nobody writes to it afterwards."""
        return FolderRegistry(self.root)

    @property
    def tenant(self) -> str:
        """The tenant that was trained for."""
        return self.stocked.scope.tenant_id


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    """Twelve hundred members over three hundred days, in SQLite."""
    url = f"sqlite:///{tmp_path_factory.mktemp('stocked') / 'uptier.db'}"
    upgrade(url)
    database = Database(url)
    yield stock(database, simulate(SPEC))
    database.close()


@pytest.fixture(scope="session")
def history(stocked: Stocked) -> History:
    """The shop as training reads it."""
    with stocked.database.view(stocked.scope) as unit:
        return load_history(unit, stocked.now)


@pytest.fixture(scope="session")
def trained(stocked: Stocked, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The shop after its first training."""
    root = tmp_path_factory.mktemp("trained")
    told: list[tuple[str, str]] = []
    reports = run_jobs(
        stocked.database,
        stocked.scope,
        FolderRegistry(root),
        now=stocked.now,
        seed=SEED,
        tell=lambda task, words: told.append((task, words)),
    )
    with stocked.database.view(stocked.scope) as unit:
        scores = {task: ScoreStore(unit).of_task(task) for task in ("churn", "propensity")}
        segments, members = SegmentStore(unit).all(), SegmentStore(unit).members()
    return Trained(stocked, root, {report.task: report for report in reports}, scores, segments, members, told)
