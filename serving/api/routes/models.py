"""Models by task: which version serves, which stands in the shadow, every version's card, and the way back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from features.releases.store import ReleaseStore
from features.runs.request import known_tasks
from features.runs.tasks import TASKS
from features.watch.store import WatchStore
from models.registry.port import ModelVersion, VersionNotFoundError
from models.registry.releases import champion_of
from serving.api import learned
from serving.api.context import Context, SecretContext
from serving.released import RecordedRegistry

router = APIRouter(prefix="/v1/models", tags=["models"])
Reason = Annotated[str, Field(min_length=1, max_length=2_000)]
_LOOKS = 30


class Moved(BaseModel):
    """Why a champion is moved; it goes on record."""

    reason: Reason


class Promoted(Moved):
    """Which version to make champion, and why."""

    version: str = Field(min_length=1, max_length=100)


@router.get("")
def list_models(context: SecretContext) -> dict[str, Any]:
    """Every task with its champion, its challenger and the newest look at it."""
    return {"items": [_task(context, task) for task in TASKS]}


@router.get("/{task}")
def get_model(task: str, context: SecretContext) -> dict[str, Any]:
    """One task: its versions, oldest first, every move of its champion, and the newest looks."""
    known_tasks([task])
    registry = _registry(context)
    found = _task(context, task)
    shadow = (found["challenger"] or {}).get("version")
    champion = found["champion"]
    with context.view() as unit:
        releases = ReleaseStore(unit).of_task(task)
        looks = WatchStore(unit).recent(task, _LOOKS)
    return found | {
        "versions": [learned.version_line(one, champion, shadow) for one in registry.versions(context.tenant_id, task)],
        "releases": [learned.release(one) for one in releases],
        "looks": [learned.watch(one) for one in looks],
    }


@router.get("/{task}/versions/{version}")
def get_version(task: str, version: str, context: SecretContext) -> dict[str, Any]:
    """One version with its whole card: data, figures, calibration, checks, snapshot and what it must not be used for."""
    known_tasks([task])
    registry = _registry(context)
    found: ModelVersion | None = next(
        (one for one in registry.versions(context.tenant_id, task) if one.version == version), None
    )
    if found is None:
        raise VersionNotFoundError("no such version of this model was published", task=task, version=version[:100])
    champion = champion_of(registry.history(context.tenant_id, task))
    return learned.version_line(found, champion, None) | {"card": learned.card(found.card)}


@router.post("/{task}/rollback")
def post_rollback(task: str, body: Moved, context: SecretContext) -> dict[str, Any]:
    """Make the champion before the present one the champion again; servers follow within a second."""
    known_tasks([task])
    _registry(context).rollback(context.tenant_id, task, body.reason, context.now)
    return _task(context, task)


@router.post("/{task}/promote")
def post_promote(task: str, body: Promoted, context: SecretContext) -> dict[str, Any]:
    """Make a version the champion by hand, whatever the gate said; promoting the champion again changes nothing."""
    known_tasks([task])
    _registry(context).promote(context.tenant_id, task, body.version, body.reason, context.now)
    return _task(context, task)


def _registry(context: Context) -> RecordedRegistry:
    """The folder that serves and its record; the mirror follows with the next training."""
    services = context.services
    return RecordedRegistry(services.models.registry, services.database, f"key {context.principal.key.id}")


def _task(context: Context, task: str) -> dict[str, Any]:
    champion = champion_of(_registry(context).history(context.tenant_id, task))
    with context.view() as unit:
        shadow = ReleaseStore(unit).shadow(task)
        newest = WatchStore(unit).latest(task)
    return {
        "task": task,
        "champion": champion,
        "challenger": learned.shadow(shadow),
        "watch": learned.watch(newest),
    }
