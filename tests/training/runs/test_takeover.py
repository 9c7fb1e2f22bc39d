"""A worker that is killed in the middle of a run: nobody trains beside it while its lease lasts, and the next goes on where it stopped."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from features.runs.request import request_runs
from features.runs.run import LeaseHeldError, RunState, Trigger
from features.runs.store import RunStore
from features.scores.store import ScoreStore
from models.registry.folder import FolderRegistry
from tests.data_files import REPOSITORY
from tests.shop import START
from tests.training.runs.worker_process import LIFE
from tests.training.stocked import stock
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database
    from tests.training.stocked import Stocked


@pytest.fixture
def shop(database: Database) -> Stocked:
    """A small simulated shop on each engine."""
    return stock(database, simulate(ShopSpec(customers=140, days=150, seed=5)))


def begin(  # noqa: PLR0917 (the words of a command)
    shop: Stocked, home: Path, run: str, owner: str, at: timedelta, stop_at: str = ""
) -> subprocess.Popen[str]:
    """A worker at work."""
    url = shop.database.url.render_as_string(hide_password=False)
    seconds = str(int(at.total_seconds()))
    words = [url, str(home), shop.scope.tenant_id, run, owner, seconds, *([stop_at] if stop_at else [])]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.runs.worker_process", *words],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def steps_until(worker: subprocess.Popen[str], words: str) -> list[str]:
    """What it says up to a step."""
    assert worker.stdout is not None
    said: list[str] = []
    for line in worker.stdout:
        said.append(line.strip())
        if line.startswith(words):
            return said
    raise AssertionError(f"it never came to {words!r}: {said}")


def test_a_killed_run_is_taken_over_after_its_lease_and_goes_on_from_its_stages(shop: Stocked, tmp_path: Path) -> None:
    """Two real processes on one database: the second reads the kept snapshot and the fitted models, and publishes one version."""
    with shop.database.unit(shop.scope) as unit:
        run = request_runs(unit, ["churn"], trigger=Trigger.COMMAND, now=START)[0]
    first = begin(shop, tmp_path, run.id, "first", timedelta(0), stop_at="judging")
    assert "climbing the ladder" in steps_until(first, "judging")
    first.kill()
    assert first.wait(timeout=30) < 0

    with pytest.raises(LeaseHeldError, match="being trained by first"), shop.database.unit(shop.scope) as unit:
        RunStore(unit).take(run.id, "second", now=START + LIFE / 2, life=LIFE)
    second = begin(shop, tmp_path, run.id, "second", LIFE)
    said = steps_until(second, "ended")
    second.communicate(timeout=30)

    assert "judging" in said
    assert not [words for words in said if words.startswith(("climbing", "features at moment"))]
    with shop.database.view(shop.scope) as unit:
        ended = RunStore(unit).get(run.id)
        assert len(ScoreStore(unit).of_task("churn")) > 0
    versions = FolderRegistry(tmp_path / "models").versions(shop.scope.tenant_id, "churn")
    assert (ended.state, ended.owner, ended.fence) == (RunState.DONE, "second", 2)
    assert ended.version == versions[-1].version
    assert versions[0].card.snapshot["sha256"] == ended.snapshot_hash
    assert not list((tmp_path / "learning" / shop.scope.tenant_id / "stages").glob("churn/*"))
