"""The jobs there are, in the order they run: segments first, since the recommender falls back on them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from training.context import JobContext, JobReport
from training.history import load_history
from training.pipelines import bundles, churn, propensity, recommender, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database
    from models.registry.port import Registry

JOBS: dict[str, Callable[[JobContext], JobReport]] = {
    segments.TASK: segments.run,
    churn.TASK: churn.run,
    propensity.TASK: propensity.run,
    recommender.TASK: recommender.run,
    bundles.TASK: bundles.run,
}


class UnknownTaskError(InvalidError):
    """No job of that name."""

    code = "unknown_task"


def run_jobs(
    database: Database,
    scope: Scope,
    registry: Registry,
    *,
    now: datetime,
    seed: int = 0,
    tasks: Sequence[str] = (),
    tell: Callable[[str, str], None] | None = None,
) -> list[JobReport]:
    """Run the named jobs, or all, over one reading of the tenant's history. `tell(task, words)` reports progress."""
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
            )
            reports.append(run(context))
    return reports
