"""`uptier models`: which versions there are, and moving the champion by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from features.runs.tasks import TASKS
from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from billing.db.scope import Scope
    from models.registry.port import ModelVersion, Registry
    from serving.wiring import Services

app = typer.Typer(help="Models: versions, champions, and going back.", no_args_is_help=True)


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


@app.command("show")
def show(
    task: Task,
    version: Annotated[str, typer.Argument(help="The version, such as v0002; the champion when none is named.")] = "",
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """A version's card: what it learned from, how good it is beside what, and the gate's report.

    Example: uptier models show churn v0001 --json
    """
    with readable_errors():
        from serving.api.learned import card

        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        found = _found(_registry(wired), scope, task, version)
        say({"version": found.version, "card": card(found.card)}, _card_text(found), as_json=as_json)


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


def _found(registry: Registry, scope: Scope, task: str, version: str) -> ModelVersion:
    from models.registry.port import VersionNotFoundError

    if not version:
        champion = registry.champion(scope.tenant_id, task)
        if champion is not None:
            return champion
    found = next((one for one in registry.versions(scope.tenant_id, task) if one.version == version), None)
    if found is None:
        raise VersionNotFoundError("no such version of this model was published", task=task, version=version)
    return found


def _card_text(found: ModelVersion) -> str:
    card = found.card
    gate = card.gate or {}
    window = f"{card.window_start:%Y-%m-%d} to {card.window_end:%Y-%m-%d}"
    lines = [
        f"{card.task} {found.version}  {card.rung}",
        f"learned from {card.rows:,} rows, {window}, seed {card.seed}",
    ]
    lines += [
        f"  {kind}{name:32} {value.mean:10.4f}  ({value.low:.4f} to {value.high:.4f})"
        for kind, figures in (("", card.metrics), ("baseline: ", card.baselines))
        for name, value in figures.items()
    ]
    lines += [str(gate.get("reason", ""))]
    lines += [f"  {'passed' if one['passed'] else 'FAILED'}  {one['explanation']}" for one in gate.get("checks", ())]
    lines += [f"limit: {limit}" for limit in card.limits]
    return "\n".join(line for line in lines if line)


def _registry(wired: Services) -> Registry:
    from serving.cli.learning import registry_of

    return registry_of(wired, "command line")


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
