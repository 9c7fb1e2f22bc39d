"""`uptier models`: which versions there are, and moving the champion by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from billing.db.scope import Scope
    from models.registry.port import Registry
    from serving.wiring import Services

app = typer.Typer(help="Models: versions, champions, and going back.", no_args_is_help=True)
TASKS = ("segments", "churn", "propensity", "recommender", "bundles")


def _known(task: str) -> str:
    if task not in TASKS:
        raise typer.BadParameter(f"there is no task {task!r}; there are {', '.join(TASKS)}")
    return task


Task = Annotated[str, typer.Argument(help=f"One of {', '.join(TASKS)}.", callback=_known)]


@app.command("list")
def list_models(tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Every version of every task, the champion marked.

    Example: uptier models list --json
    """
    with readable_errors():
        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        registry = _registry(wired)
        rows = [row for task in TASKS for row in _rows(registry, scope, task)]
        text = "\n".join(
            f"{'*' if row['champion'] else ' '} {row['task']:12} {row['version']:8} {row['rung'] or '':10} {row['gate']}"
            for row in rows
        )
        say({"models": rows}, text or "no model was trained yet; run 'uptier train'", as_json=as_json)


@app.command()
def promote(
    task: Task,
    version: Annotated[str, typer.Argument(help="The version, such as v0002.")],
    reason: Annotated[str, typer.Option(help="Why; it goes on record.")] = "promoted by hand",
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion; servers pick it up within a second.

    Example: uptier models promote recommender v0002 --reason "checked by eye"
    """
    with readable_errors():
        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        release = _registry(wired).promote(scope.tenant_id, task, version, reason, now)
        say({"task": task, "champion": release.version}, f"{task}: {release.version} serves now", as_json=as_json)


@app.command()
def rollback(
    task: Task,
    reason: Annotated[str, typer.Option(help="Why; it goes on record.")] = "rolled back by hand",
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Go back to the champion before the present one.

    Example: uptier models rollback churn --reason "too many false alarms"
    """
    with readable_errors():
        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        release = _registry(wired).rollback(scope.tenant_id, task, reason, now)
        say({"task": task, "champion": release.version}, f"{task}: back to {release.version}", as_json=as_json)


def _registry(wired: Services) -> Registry:
    from training.registry import open_registry

    return open_registry(wired.settings.home, wired.settings.resolved_mlflow_uri)


def _rows(registry: Registry, scope: Scope, task: str) -> list[dict[str, object]]:
    champion = registry.champion(scope.tenant_id, task)
    return [
        {
            "task": task,
            "version": found.version,
            "champion": champion is not None and champion.version == found.version,
            "rung": found.card.rung,
            "gate": (found.card.gate or {}).get("reason", ""),
            "metrics": {name: value.mean for name, value in found.card.metrics.items()},
        }
        for found in registry.versions(scope.tenant_id, task)
    ]
