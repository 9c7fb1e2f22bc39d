"""Doing every run that waits for a tenant, one after the other over one reading of its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.runs.run import LeaseHeldError, LeaseLostError
from features.runs.store import RunStore
from features.runs.tasks import TASKS
from training.runs.work import Shelf, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from billing.db.scope import Scope
    from features.runs.run import Run
    from training.context import JobReport
    from training.runs.installation import Installation


def drain(
    installation: Installation,
    scope: Scope,
    *,
    tenant_now: datetime,
    only: Collection[str] | None = None,
    said: Callable[[str, str], None] | None = None,
) -> list[tuple[Run, JobReport | None]]:
    """What became of each run that was waiting, or of those named in `only`, in the order of the tasks.

    A run that another worker holds is left to it. What was cut short is gone on with as soon as its lease has run out.
    """
    with installation.database.view(scope) as unit:
        waiting = RunStore(unit).waiting(installation.clock())
    ended, shelf = [], Shelf()
    for run in sorted(waiting, key=_place):
        if only is not None and run.id not in only:
            continue
        try:
            ended.append(carry_out(installation, scope, run.id, tenant_now=tenant_now, shelf=shelf, said=said))
        except (LeaseHeldError, LeaseLostError):
            continue
    return ended


def _place(run: Run) -> tuple[int, str]:
    return (TASKS.index(run.task) if run.task in TASKS else len(TASKS)), run.id
