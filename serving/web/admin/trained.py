"""The models in force, for the operator: how good each is beside what needs no learning, why it was let in, and the way back.

The one action here, going back to the champion before, is taken by a form of this page only: a browser says where a form was sent from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from billing.kernel.errors import Kind, UptierError
from features.releases.store import ReleaseStore
from features.runs.request import known_tasks
from features.runs.store import RunStore
from features.watch.store import WatchStore
from models.registry.port import VersionNotFoundError
from serving.api.context import page_origin
from serving.released import RecordedRegistry
from serving.web import charts
from serving.web.gate import Demo, DemoShop
from serving.web.pages import PageRoute, render

if TYPE_CHECKING:
    from models.registry.port import ModelVersion

router = APIRouter(prefix="/admin/models", include_in_schema=False, route_class=PageRoute)
TASKS = (
    ("recommender", "Recommendations", "What a customer is likely to buy next."),
    ("bundles", "Bundles", "What completes a basket."),
    ("churn", "Churn risk", "Who is likely to leave by choice."),
    ("payment_failure", "Payment failure", "Whose subscription a failed payment is likely to end."),
    ("lifetime", "Time to leaving", "How long each subscriber is likely to stay."),
    ("propensity", "Upgrade propensity", "Who is likely to take a larger plan."),
    ("upgrades", "Next plan", "Which larger plan each subscriber is likely to take."),
    ("value", "Customer value", "What a customer is likely to bring."),
    ("uplift", "Effect of offers", "Whom an offer moves, and whether it moves anybody."),
    ("segments", "Segments", "Groups of customers who behave alike."),
)
_TITLES = {task: (title, purpose) for task, title, purpose in TASKS}
_LOOKS, _RUNS = 10, 10


class ForeignFormError(UptierError):
    """A form of another site was sent here."""

    code = "foreign_form"
    kind = Kind.FORBIDDEN


@router.get("")
def index(demo: DemoShop) -> HTMLResponse:
    """The champion of each task with its card; a task without one says so."""
    known = set(known_tasks(()))
    models = [
        {"task": task, "title": title, "purpose": purpose, **_champion(demo, task)}
        for task, title, purpose in TASKS
        if task in known
    ]
    return render("admin/models.html", demo, models=models)


@router.get("/{task}")
def one(task: str, demo: DemoShop, version: Annotated[str | None, Query(max_length=100)] = None) -> HTMLResponse:
    """A task's whole story: a version's card (the champion's unless another is asked for), every move, the newest looks and runs."""
    known_tasks([task])
    found = _champion(demo, task)
    versions = demo.services.models.registry.versions(demo.tenant.id, task) if found["problem"] is None else []
    shown = next((each for each in versions if each.version == version), None) if version else found["champion"]
    if version and shown is None:
        raise VersionNotFoundError("no such version of this model was published", version=version)
    shown = shown or (versions[-1] if versions else None)
    title, purpose = _TITLES.get(task, (task.capitalize(), ""))
    with demo.view() as unit:
        releases = ReleaseStore(unit).of_task(task)
        looks = WatchStore(unit).recent(task, _LOOKS)
        runs = RunStore(unit).recent(task=task, limit=_RUNS)
    curve = charts.reliability(
        "calibration", "What was promised and what came", shown.card.calibration if shown else ()
    )
    return render(
        "admin/model.html",
        demo,
        **(found | {"task": task, "title": title, "purpose": purpose}),
        shown=shown,
        curve=curve,
        versions=list(reversed(versions)),
        releases=list(reversed(releases)),
        looks=looks,
        runs=runs,
        may_go_back=sum(release.move == "promoted" for release in releases) > 1,
    )


@router.post("/{task}/rollback")
def go_back(task: str, request: Request, demo: DemoShop) -> RedirectResponse:
    """Make the champion before the present one the champion again; it is on record who asked."""
    known_tasks([task])
    origin = page_origin(request)
    if origin is None or origin != f"{request.url.scheme}://{request.url.netloc}":
        raise ForeignFormError("this form may only be sent from the page it stands on")
    registry = RecordedRegistry(demo.services.models.registry, demo.services.database, "operator")
    registry.rollback(demo.tenant.id, task, "Rolled back on the operator's page.", demo.now)
    return RedirectResponse(f"/admin/models/{task}", status_code=303)


def _champion(demo: Demo, task: str) -> dict[str, Any]:
    registry = demo.services.models.registry
    with demo.view() as unit:
        watch, shadow = WatchStore(unit).latest(task), ReleaseStore(unit).shadow(task)
    about = {"watch": watch, "shadow": shadow}
    try:
        champion = registry.champion(demo.tenant.id, task)
        latest = registry.versions(demo.tenant.id, task)[-1:]
    except UptierError as error:
        return {"champion": None, "refused": None, "problem": error.detail, **about}
    refused = next((version for version in latest if _was_refused(version, champion, shadow)), None)
    return {"champion": champion, "refused": refused, "problem": None, **about}


def _was_refused(version: ModelVersion, champion: ModelVersion | None, shadow: Any) -> bool:
    """Whether the newest version was fitted and not let in: its reason is worth reading."""
    waits = shadow is not None and shadow.version == version.version
    return not waits and (champion is None or version.version != champion.version)
