"""`uptier train`: run the training jobs of a tenant and say what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from serving.cli.output import AsJson, progress_bar, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from serving.wiring import Services
    from training.context import JobReport


def train(
    tasks: Annotated[list[str] | None, typer.Argument(help="Tasks to run; all when none is named.")] = None,
    tenant: TenantOption = None,
    seed: Annotated[int, typer.Option(help="Seed of every draw; the same seed gives the same models.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train, judge and, where the gate allows, promote: segments, churn, propensity, recommender, bundles.

    Example: uptier train recommender bundles
    """
    with readable_errors():
        wired = services()
        reports = train_tenant(wired, tenant, tasks or [], seed=seed)
        say({"reports": [_document(report) for report in reports]}, table(reports), as_json=as_json)


def train_tenant(wired: Services, tenant: str | None, tasks: list[str], *, seed: int = 0) -> list[JobReport]:
    """Run jobs with a progress line each; what the demo and the command share."""
    from training.jobs import JOBS, run_jobs
    from training.registry import open_registry

    scope, _, now = scope_and_now(wired, tenant)
    home, mlflow_uri = wired.settings.home, wired.settings.resolved_mlflow_uri
    registry = open_registry(home, mlflow_uri)
    with progress_bar() as bar:
        line = bar.add_task("training", total=len(tasks) or len(JOBS))
        seen: list[str] = []

        def tell(task: str, words: str) -> None:
            if task in JOBS and task not in seen:
                seen.append(task)
            bar.update(line, description=f"{task}: {words}", completed=max(len(seen) - 1, 0))

        reports = run_jobs(wired.database, scope, registry, now=now, seed=seed, tasks=tasks, tell=tell)
        bar.update(line, description="training done", completed=len(reports))
    return reports


def table(reports: list[JobReport]) -> Text:
    """One line a task, for people."""
    marks = {True: ("promoted", "green"), False: ("not promoted", "yellow")}
    lines = []
    for report in reports:
        words, colour = marks[report.promoted]
        start = f"{report.task:12} {report.version or '-':6} "
        lines.append(Text.assemble(start, (f"{words:13}", colour), report.reason))
    return Text("\n").join(lines)


def _document(report: JobReport) -> dict[str, Any]:
    return {
        "task": report.task,
        "version": report.version,
        "promoted": report.promoted,
        "reason": report.reason,
        "figures": report.figures,
    }
