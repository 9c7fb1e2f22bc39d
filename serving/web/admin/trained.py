"""The models in force, for the operator: how good each is beside what needs no learning, and why it was let in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from billing.kernel.errors import UptierError
from serving.web.gate import Demo, DemoShop
from serving.web.pages import PageRoute, render

if TYPE_CHECKING:
    from models.registry.port import ModelVersion

router = APIRouter(prefix="/admin/models", include_in_schema=False, route_class=PageRoute)
TASKS = (
    ("recommender", "Recommendations", "What a customer is likely to buy next."),
    ("bundles", "Bundles", "What completes a basket."),
    ("churn", "Churn risk", "Who is likely to leave."),
    ("propensity", "Upgrade propensity", "Who is likely to take a larger plan."),
    ("segments", "Segments", "Groups of customers who behave alike."),
)


@router.get("")
def index(demo: DemoShop) -> HTMLResponse:
    """The champion of each task with its card; a task without one says so."""
    models = [
        {"task": task, "title": title, "purpose": purpose, **_champion(demo, task)} for task, title, purpose in TASKS
    ]
    return render("admin/models.html", demo, models=models)


def _champion(demo: Demo, task: str) -> dict[str, Any]:
    registry = demo.services.models.registry
    try:
        champion = registry.champion(demo.tenant.id, task)
        latest = registry.versions(demo.tenant.id, task)[-1:]
    except UptierError as error:
        return {"champion": None, "refused": None, "problem": error.detail}
    refused = next((version for version in latest if _was_refused(version, champion)), None)
    return {"champion": champion, "refused": refused, "problem": None}


def _was_refused(version: ModelVersion, champion: ModelVersion | None) -> bool:
    """Whether the newest version was fitted and not let in: its reason is worth reading."""
    return champion is None or version.version != champion.version
