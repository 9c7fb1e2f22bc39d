"""Asking for training: one run a task, queued once; stopping one; changing how a tenant's models learn by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.ids import new_id
from features.runs.run import Run, RunEndedError, RunState, Trigger
from features.runs.store import RunStore
from features.runs.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.runs.settings import LearningSettings

MOST_SEED = 2**31 - 1


class UnknownTaskError(InvalidError):
    """No job of that name."""

    code = "unknown_task"


def known_tasks(tasks: Sequence[str]) -> tuple[str, ...]:
    """The named tasks in the order they run; all of them when none is named. Raises UnknownTaskError."""
    for task in tasks:
        if task not in TASKS:
            raise UnknownTaskError(f"there is no task {task[:60]!r}; there are {', '.join(TASKS)}", task=task[:200])
    return tuple(task for task in TASKS if not tasks or task in tasks)


def request_runs(
    unit: Unit, tasks: Sequence[str], *, trigger: Trigger, now: datetime, seed: int = 0, force: bool = False
) -> list[Run]:
    """Queue a run of each task; one that waits already is not queued twice. `now` is the machine's time."""
    if not 0 <= seed <= MOST_SEED:
        raise InvalidError(f"a seed is 0 to {MOST_SEED}", seed=seed)
    store = RunStore(unit)
    return [
        store.queue(
            Run(
                id=new_id("run"),
                task=task,
                state=RunState.QUEUED,
                trigger=trigger,
                seed=seed,
                force=force,
                requested_at=now,
            )
        )
        for task in known_tasks(tasks)
    ]


def cancel_run(unit: Unit, run_id: str, *, now: datetime) -> Run:
    """Ask for a run to stop; it does before its next step. Raises RunEndedError, RunNotFoundError."""
    store = RunStore(unit)
    found = store.get(run_id)
    if not found.state.is_open:
        raise RunEndedError(f"the run has ended ({found.state.value})", run=run_id, state=found.state.value)
    return store.ask_to_stop(run_id, now)


def change_settings(unit: Unit, settings: LearningSettings, *, zone: str, now: datetime) -> datetime | None:
    """Put the settings; the answer is when the next runs are due, None for never."""
    next_at = settings.next_after(now, zone)
    RunStore(unit).put_settings(settings, next_at, now)
    return next_at


def queue_due(unit: Unit, *, zone: str, now: datetime) -> int:
    """Queue every task once the tenant's night has come; the answer is how many. The first call only looks when that will be."""
    store = RunStore(unit)
    settings, due = store.settings()
    if due is None:
        if settings.next_after(now, zone) is not None:
            change_settings(unit, settings, zone=zone, now=now)
        return 0
    if due > now:
        return 0
    if not store.move_due(due, settings.next_after(now, zone)):
        return 0
    return len(request_runs(unit, (), trigger=Trigger.SCHEDULE, now=now))
