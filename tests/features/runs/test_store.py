"""Runs are queued once, trained by one worker at a time, and a worker that was silent for too long writes nothing more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from features.runs.request import UnknownTaskError, cancel_run, change_settings, queue_due, request_runs
from features.runs.run import LeaseHeldError, LeaseLostError, RunEndedError, RunNotFoundError, RunState, Trigger
from features.runs.settings import Every, LearningSettings
from features.runs.store import RunStore
from features.runs.tasks import TASKS
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.session import Database
    from features.runs.run import Lease, Run
    from tests.shop import Shop

LIFE = timedelta(seconds=60)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def ask(shop: Shop, task: str = "churn", at: datetime = START) -> Run:
    """A queued run."""
    with shop.database.unit(shop.scope) as unit:
        return request_runs(unit, [task], trigger=Trigger.API, now=at)[0]


def take(shop: Shop, run: Run, owner: str, at: datetime) -> Lease:
    """The run in a worker's hands."""
    with shop.database.unit(shop.scope) as unit:
        return RunStore(unit).take(run.id, owner, now=at, life=LIFE)


def found(shop: Shop, run: Run) -> Run:
    """The run as it stands."""
    with shop.database.view(shop.scope) as unit:
        return RunStore(unit).get(run.id)


def waiting(shop: Shop, at: datetime) -> list[str]:
    """The tasks that a worker could begin."""
    with shop.database.view(shop.scope) as unit:
        return [run.task for run in RunStore(unit).waiting(at)]


def test_a_task_that_waits_is_not_queued_twice(shop: Shop) -> None:
    """The second asker gets the first one's run; once it runs, another may wait."""
    first, second = ask(shop), ask(shop)
    assert first.id == second.id

    take(shop, first, "a", START)

    assert ask(shop).id != first.id


def test_a_lease_has_one_holder_until_it_runs_out(shop: Shop) -> None:
    """Another is told who holds it until when; afterwards it takes the run over with a larger fence."""
    run = ask(shop)
    first = take(shop, run, "a", START)
    assert waiting(shop, START + LIFE / 2) == []

    with pytest.raises(LeaseHeldError, match="churn is being trained by a"):
        take(shop, run, "b", START + LIFE / 2)
    assert waiting(shop, START + LIFE) == ["churn"]
    second = take(shop, run, "b", START + LIFE)

    assert second.fence > first.fence
    assert found(shop, run).owner == "b"


def test_who_was_silent_for_too_long_writes_nothing_more(shop: Shop) -> None:
    """Neither progress nor notes nor an end: every write carries the fence."""
    run = ask(shop)
    late = take(shop, run, "a", START)
    take(shop, run, "b", START + LIFE)

    with shop.database.view(shop.scope) as unit, pytest.raises(LeaseLostError):
        RunStore(unit).require_held(late)
    writes: tuple[Callable[[RunStore], object], ...] = (
        lambda store: store.beat(late, now=START + LIFE, life=LIFE, words="still here"),
        lambda store: store.note(late, data_hash="x"),
        lambda store: store.finish(late, RunState.DONE, now=START + LIFE, reason="done"),
    )
    for write in writes:
        with pytest.raises(LeaseLostError), shop.database.unit(shop.scope) as unit:
            write(RunStore(unit))
    assert (found(shop, run).state, found(shop, run).words) == (RunState.RUNNING, "waiting")


def test_a_heartbeat_keeps_the_lease_and_hears_that_it_is_to_stop(shop: Shop) -> None:
    """Progress is kept in words and as a share."""
    run = ask(shop)
    lease = take(shop, run, "a", START)
    with shop.database.unit(shop.scope) as unit:
        assert not RunStore(unit).beat(lease, now=START + LIFE / 2, life=LIFE, words="reading", done=0.25)
    with pytest.raises(LeaseHeldError):
        take(shop, run, "b", START + LIFE)
    with shop.database.unit(shop.scope) as unit:
        cancel_run(unit, run.id, now=START)
    with shop.database.unit(shop.scope) as unit:
        assert RunStore(unit).beat(lease, now=START, life=LIFE)

    stands = found(shop, run)
    assert (stands.words, stands.done, stands.state) == ("reading", 0.25, RunState.RUNNING)


def test_an_ended_run_gives_its_lease_back_and_stays_ended(shop: Shop) -> None:
    """The next run of the task begins at once; the ended one is neither cancelled nor taken again."""
    run = ask(shop)
    lease = take(shop, run, "a", START)
    with shop.database.unit(shop.scope) as unit:
        RunStore(unit).finish(lease, RunState.REFUSED, now=START, reason="Not promoted: worse." * 100, version="v0002")

    assert (found(shop, run).state, found(shop, run).version) == (RunState.REFUSED, "v0002")
    with pytest.raises(RunEndedError), shop.database.unit(shop.scope) as unit:
        cancel_run(unit, run.id, now=START)
    assert take(shop, ask(shop), "b", START).fence == lease.fence + 1


def test_a_waiting_run_is_cancelled_at_once(shop: Shop) -> None:
    """Nobody begins it, and one that is not there is said so."""
    run = ask(shop)
    with shop.database.unit(shop.scope) as unit:
        assert cancel_run(unit, run.id, now=START).state is RunState.CANCELLED
    assert waiting(shop, START) == []
    with pytest.raises(RunNotFoundError), shop.database.unit(shop.scope) as unit:
        cancel_run(unit, "run_none", now=START)


def test_other_tenants_runs_are_not_there(shop: Shop) -> None:
    """Same task, another shop: its own lease and its own list."""
    run, other = ask(shop), open_shop(shop.database, "Leaf Lane")
    take(shop, run, "a", START)

    assert waiting(other, START) == []
    with pytest.raises(RunNotFoundError):
        found(other, run)
    assert take(other, ask(other), "b", START).fence == 1


def test_a_night_queues_every_task_once(shop: Shop) -> None:
    """The first look only learns when the night is; two workers that see it come queue one set; never is never."""

    def look(at: datetime) -> int:
        with shop.database.unit(shop.scope) as unit:
            return queue_due(unit, zone="Europe/Berlin", now=at)

    night = START.replace(hour=2, minute=0) + timedelta(days=1)  # three in the morning in Berlin

    assert [look(START), look(night - timedelta(minutes=1))] == [0, 0]
    assert [look(night), look(night), look(night + timedelta(hours=1))] == [len(TASKS), 0, 0]
    assert waiting(shop, night) == list(TASKS)
    with shop.database.unit(shop.scope) as unit:
        assert change_settings(unit, LearningSettings(every=Every.NEVER), zone="UTC", now=night) is None
    assert look(night + timedelta(days=9)) == 0


def test_an_unknown_task_is_refused_with_those_there_are(shop: Shop) -> None:
    """Before anything is queued."""
    with pytest.raises(UnknownTaskError, match="segments, churn"), shop.database.unit(shop.scope) as unit:
        request_runs(unit, ["churn", "horoscope"], trigger=Trigger.API, now=START)
    assert waiting(shop, START) == []
