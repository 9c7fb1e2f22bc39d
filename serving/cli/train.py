"""`uptier train`: run the training jobs of a tenant and say what became of each; ask where they stand; stop one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from serving.cli.output import AsJson, err, progress_bar, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services, tenant_of

if TYPE_CHECKING:
    from billing.db.scope import Scope
    from features.runs.run import Run
    from serving.wiring import Services
    from training.context import JobReport


class _RunUnlessNamed(TyperGroup):
    """`uptier train churn` runs; `uptier train status` asks: what is no command of the group is a task to run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` in front unless a command, or the group's help, is asked for."""
        first = args[0] if args else ""
        if first not in self.commands and first not in {"-h", "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunUnlessNamed,
    help="Train, judge and, where the gate allows, promote. `uptier train churn` is short for `uptier train run churn`.",
)
Seed = Annotated[int, typer.Option(help="Seed of every draw; the same seed gives the same models.", min=0)]


@app.command("run")
def train(
    tasks: Annotated[list[str] | None, typer.Argument(help="Tasks to run; all when none is named.")] = None,
    task: Annotated[list[str] | None, typer.Option("--task", help="The same, as an option.")] = None,
    tenant: TenantOption = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Only go on with runs that were cut short.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Train though nothing is new or a challenger stands in the shadow.")
    ] = False,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Every tenant, in processes of their own.")
    ] = False,
    workers: Annotated[int, typer.Option(help="How many processes at once, with --all-tenants.", min=1, max=256)] = 2,
    dask: Annotated[
        str, typer.Option(help="Grow trees over the Dask cluster whose scheduler is here, as tcp://host:8786.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Train, judge and, where the gate allows, promote: segments, churn, value, recommendations and the rest.

    Example: uptier train run recommender bundles
    """
    with readable_errors():
        wired, wanted = services(), [*(tasks or []), *(task or [])]
        if all_tenants:
            _train_all(wired, wanted, workers, seed=seed, resume=resume, force=force, as_json=as_json)
            return
        reports = train_tenant(wired, tenant, wanted, seed=seed, force=force, resume=resume, dask=dask)
        text = table(reports) if reports else Text("no run was cut short")
        say({"reports": [_document(report) for report in reports]}, text, as_json=as_json)


@app.command("waiting")
def waiting(
    workers: Annotated[int, typer.Option(help="How many processes at once.", min=1, max=256)] = 1,
    as_json: AsJson = False,
) -> None:
    """Carry out every run that waits, of every tenant: what the worker does by itself.

    Example: uptier train waiting --workers 2
    """
    with readable_errors():
        from serving.cli.learning import waiting_tenants

        wired = services()
        _carry_out(waiting_tenants(wired), workers, as_json=as_json)


@app.command("status")
def status(
    tenant: TenantOption = None,
    limit: Annotated[int, typer.Option(help="How many runs.", min=1, max=500)] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest runs: where they stand and what became of them.

    Example: uptier train status --limit 5
    """
    with readable_errors():
        from serving.cli.learning import run_document, scope_runs

        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        runs = scope_runs(wired, scope, limit)
        text = Text("\n").join(_line(run) for run in runs) if runs else Text("no run yet; 'uptier train' begins one")
        say({"runs": [run_document(run) for run in runs]}, text, as_json=as_json)


@app.command("cancel")
def cancel(
    run: Annotated[str, typer.Argument(help="The run's id, as 'uptier train status' shows it.")],
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Stop a run before its next step.

    Example: uptier train cancel run_01jb0000000000000000000000
    """
    with readable_errors():
        from features.runs.request import cancel_run
        from serving.cli.learning import run_document

        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        with wired.database.unit(scope) as unit:
            found = cancel_run(unit, run, now=wired.clock.now())
        say({"run": run_document(found)}, _line(found), as_json=as_json)


def train_tenant(
    wired: Services,
    tenant: str | None,
    tasks: list[str],
    *,
    seed: int = 0,
    force: bool = True,
    resume: bool = False,
    dask: str = "",
) -> list[JobReport]:
    """Run jobs with a progress line each; what the demo and the command share."""
    from billing.db.scope import Scope
    from features.runs.request import known_tasks
    from serving.cli.learning import drain_tenant
    from training.context import JobReport

    scope = Scope(tenant_of(wired, tenant).id)
    wanted = known_tasks(tasks)
    ids = _cut_short(wired, scope, wanted) if resume else _queued(wired, scope, wanted, seed=seed, force=force)
    if not ids:
        return []
    with progress_bar() as bar:
        line, seen = bar.add_task("training", total=len(ids)), list[str]()

        def said(task: str, words: str) -> None:
            if task not in seen:
                seen.append(task)
            bar.update(line, description=f"{task}: {words}", completed=len(seen) - 1)

        ended = drain_tenant(wired, scope.tenant_id, only=ids, said=said, dask=dask)
        bar.update(line, description="training done", completed=len(ended))
    busy = len(ids) - len(ended)
    if busy:
        err.print(f"{busy} of {len(ids)} runs are in another worker's hands; 'uptier train status' follows them")
    return [
        report or JobReport(task=run.task, version=run.version, promoted=False, reason=run.reason)
        for run, report in ended
    ]


def _queued(wired: Services, scope: Scope, tasks: tuple[str, ...], *, seed: int, force: bool) -> list[str]:
    from features.runs.request import request_runs
    from features.runs.run import Trigger

    with wired.database.unit(scope) as unit:
        runs = request_runs(unit, tasks, trigger=Trigger.COMMAND, now=wired.clock.now(), seed=seed, force=force)
    return [run.id for run in runs]


def _cut_short(wired: Services, scope: Scope, tasks: tuple[str, ...]) -> list[str]:
    from features.runs.run import RunState
    from features.runs.store import RunStore

    with wired.database.view(scope) as unit:
        runs = RunStore(unit).waiting(wired.clock.now())
    return [run.id for run in runs if run.state is RunState.RUNNING and run.task in tasks]


def _train_all(
    wired: Services, tasks: list[str], workers: int, *, seed: int, resume: bool, force: bool, as_json: bool
) -> None:
    from billing.db.scope import PLATFORM_SCOPE, Scope
    from billing.tenants.store import TenantStore
    from features.runs.request import known_tasks
    from serving.cli.learning import waiting_tenants

    wanted = known_tasks(tasks)
    with wired.database.view(PLATFORM_SCOPE) as unit:
        tenants = [tenant.id for tenant in TenantStore(unit).all()]
    if not resume:
        for tenant_id in tenants:
            _queued(wired, Scope(tenant_id), wanted, seed=seed, force=force)
    _carry_out(waiting_tenants(wired), workers, as_json=as_json)


def _carry_out(tenants: list[str], workers: int, *, as_json: bool) -> None:
    from serving.cli.learning import drain_many

    runs: list[dict[str, Any]] = []
    with progress_bar() as bar:
        line = bar.add_task("tenants", total=len(tenants))
        for found in drain_many(tenants, workers) if tenants else ():
            runs += found
            bar.update(line, advance=1)
    lines = [f"{run['task']:12} {run['version'] or '-':6} {run['state']:10} {run['reason']}" for run in runs]
    say({"runs": runs}, "\n".join(lines) or "nothing waits", as_json=as_json)


def table(reports: list[JobReport]) -> Text:
    """One line a task, for people."""
    marks = {True: ("promoted", "green"), False: ("not promoted", "yellow")}
    lines = []
    for report in reports:
        words, colour = marks[report.promoted]
        start = f"{report.task:12} {report.version or '-':6} "
        lines.append(Text.assemble(start, (f"{words:13}", colour), report.reason))
    return Text("\n").join(lines)


def _line(run: Run) -> Text:
    colours = {"done": "green", "failed": "red", "refused": "yellow"}
    state = run.state.value
    about = run.reason or f"{run.words} ({run.done:.0%})"
    return Text.assemble(
        f"{run.id} {run.task:12} ", (f"{state:10}", colours.get(state, "")), f"{run.version or '-':6} {about}"
    )


def _document(report: JobReport) -> dict[str, Any]:
    return {
        "task": report.task,
        "version": report.version,
        "promoted": report.promoted,
        "reason": report.reason,
        "figures": report.figures,
    }
