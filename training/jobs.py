"""The jobs there are, in the order they run: segments first, since the recommender falls back on them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from features.runs.request import UnknownTaskError
from training.context import JobContext, JobReport
from training.history import load_history
from training.pipelines import (
    bundles,
    churn,
    lifetime,
    payment_failure,
    propensity,
    recommender,
    segments,
    upgrades,
    uplift,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from billing.db.scope import Scope
    from billing.db.session import Database
    from models.registry.port import Registry

JOBS: dict[str, Callable[[JobContext], JobReport]] = {
    segments.TASK: segments.run,
    churn.TASK: churn.run,
    payment_failure.TASK: payment_failure.run,
    lifetime.TASK: lifetime.run,
    propensity.TASK: propensity.run,
    upgrades.TASK: upgrades.run,
    uplift.TASK: uplift.run,
    value.TASK: value.run,
    recommender.TASK: recommender.run,
    bundles.TASK: bundles.run,
}

SCORED = frozenset({churn.TASK, payment_failure.TASK, lifetime.TASK, propensity.TASK, upgrades.TASK})
"""The jobs that score every night and watch what came of it, also when there is nothing new to learn from."""


def run_jobs(
    database: Database,
    scope: Scope,
    registry: Registry,
    *,
    now: datetime,
    seed: int = 0,
    tasks: Sequence[str] = (),
    tell: Callable[[str, str], None] | None = None,
    home: Path | None = None,
) -> list[JobReport]:
    """Run the named jobs, or all, over one reading of the tenant's history. `tell(task, words)` reports progress.

    With a `home` snapshots are kept under it. What waits, resumes and is leased is `training.runs`; this is the plain way.
    """
    wanted = list(tasks) or list(JOBS)
    unknown = [task for task in wanted if task not in JOBS]
    if unknown:
        raise UnknownTaskError(f"there is no task {unknown[0]!r}; there are {', '.join(JOBS)}", task=unknown[0])
    report = tell or (lambda _task, _words: None)
    with database.view(scope) as unit:
        history = load_history(unit, now, lambda words: report("history", words))
    reports = []
    for task, run in JOBS.items():
        if task in wanted:
            context = JobContext(
                database=database,
                scope=scope,
                registry=registry,
                history=history,
                now=now,
                seed=seed,
                tell=partial(report, task),
                home=home,
            )
            reports.append(run(context))
    return reports
