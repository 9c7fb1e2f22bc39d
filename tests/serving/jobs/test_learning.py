"""The learning part of the worker: nights queue runs, a process of their own carries them out, and test clocks have no nights."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.db.migrate import upgrade
from billing.kernel.clock import FrozenClock
from billing.tenants.create import open_tenant
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode
from features.runs.store import RunStore
from features.runs.tasks import TASKS
from features.watch.store import WatchStore
from serving.jobs.learning import LearningLoop, queue_learning
from serving.jobs.routine import run_routine
from serving.settings import Settings
from serving.telemetry import REGISTRY
from serving.wiring import Services, build
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = timedelta(days=1)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services over a fresh SQLite file, which a process of its own finds by the environment."""
    monkeypatch.setenv("UPTIER_HOME", str(tmp_path))
    monkeypatch.setenv("UPTIER_MLFLOW_URI", "off")
    settings = Settings(home=tmp_path, mlflow_uri="off", _env_file=None)
    upgrade(settings.resolved_database_url)
    built = build(settings, clock=FrozenClock(START))
    yield built
    built.database.close()


@pytest.fixture
def shop(services: Services) -> Shop:
    """A live shop: its time is the world's."""
    live = open_tenant(
        services.database, name="Live", currency="EUR", zone="Europe/Berlin", mode=Mode.LIVE, now=START, origins=[]
    )
    return Shop(services.database, live)


def at(services: Services, later: timedelta) -> Services:
    """The same services later."""
    return replace(services, clock=FrozenClock(START + later))


def waiting(services: Services, shop: Shop) -> list[str]:
    """What waits for the shop."""
    with services.database.view(shop.scope) as unit:
        return [run.task for run in RunStore(unit).waiting(services.clock.now())]


def test_a_night_queues_every_task_and_only_once(services: Services, shop: Shop) -> None:
    """As part of the routine; the first look learns when the night is."""
    first = run_routine(services, shop.scope, now=START)
    second = run_routine(at(services, DAY), shop.scope, now=START + DAY)
    third = run_routine(at(services, DAY), shop.scope, now=START + DAY)

    counts = [report.done["training_runs_queued"] for report in (first, second, third)]
    assert counts == [0, len(TASKS), 0]
    assert waiting(at(services, DAY), shop) == list(TASKS)


def test_where_it_is_switched_off_or_time_is_frozen_nothing_is_queued(services: Services, shop: Shop) -> None:
    """A test clock that is moved through a year trains nothing."""
    frozen = open_shop(services.database, "Frozen")
    with services.database.unit(frozen.scope) as unit:
        TenantStore(unit).set_clock(frozen.opened.tenant.id, START)
    off = replace(services, settings=services.settings.model_copy(update={"learning": False}))

    for later in (timedelta(0), DAY, 9 * DAY):
        assert queue_learning(at(services, later), frozen.scope) == 0
        assert queue_learning(at(off, later), shop.scope) == 0


def test_the_loop_has_a_process_carry_out_what_waits(services: Services, shop: Shop) -> None:
    """One at a time; it ends when nothing waits, and each run says what became of it. An alarm raised meanwhile is counted once."""
    loop = LearningLoop(services)
    assert not loop.look()
    for later in (timedelta(0), DAY):
        queue_learning(at(services, later), shop.scope)
    with services.database.unit(shop.scope) as unit:
        WatchStore(unit).add("churn", "v0001", START, "odd", {"kind": "scores"}, alarm=True)

    assert loop.look()
    assert not loop.look()
    process = loop._process  # the one it started
    assert process is not None
    assert process.wait(timeout=120) == 0

    with services.database.view(shop.scope) as unit:
        runs = RunStore(unit).recent(limit=50)
    assert {run.task for run in runs} == set(TASKS)
    assert all(not run.state.is_open and run.reason for run in runs)
    assert not loop.look()
    labels = {"task": "churn", "kind": "scores"}
    assert REGISTRY.get_sample_value("uptier_model_alarms_total", labels) == 1
    loop.stop()
