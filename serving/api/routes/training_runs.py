"""Training on demand: queue runs, follow them, stop them; and how a tenant's models learn by themselves. The worker carries runs out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.kernel.page import page_size
from features.runs.request import MOST_SEED, cancel_run, change_settings, known_tasks, request_runs
from features.runs.run import Trigger
from features.runs.settings import LONGEST_SHADOW_DAYS, Every, LearningSettings
from features.runs.store import RunStore
from serving.api import documents, learned
from serving.api.context import SecretContext

router = APIRouter(prefix="/v1/training", tags=["training"])
TaskName = Annotated[str, Field(min_length=1, max_length=100)]


class NewRuns(BaseModel):
    """Which tasks to train, all when none is named. With `force` also where nothing is new; the same seed gives the same models."""

    tasks: list[TaskName] = Field(default_factory=list, max_length=20)
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    force: bool = False


class NewSettings(BaseModel):
    """How often models are trained, at which hour of the tenant's day, and for how many days a challenger stands in the shadow."""

    every: Every = Every.NIGHT
    hour: int = Field(default=3, ge=0, le=23)
    shadow_days: int = Field(default=1, ge=0, le=LONGEST_SHADOW_DAYS)


@router.post("/runs", status_code=202)
def post_runs(body: NewRuns, context: SecretContext) -> JSONResponse:
    """Queue a run of each task; a task that waits already is not queued twice."""
    now = context.services.clock.now()

    def queue(unit: Any) -> dict[str, Any]:
        runs = request_runs(unit, body.tasks, trigger=Trigger.API, now=now, seed=body.seed, force=body.force)
        return {"items": [learned.training_run(run) for run in runs]}

    return context.write(queue, body=body, status=202)


@router.get("/runs")
def list_runs(
    context: SecretContext,
    task: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int | None, Query(ge=1)] = None,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
) -> dict[str, Any]:
    """Runs, newest first; `next_cursor` goes on with older ones."""
    size = page_size(limit)
    if task is not None:
        known_tasks([task])
    with context.view() as unit:
        runs = RunStore(unit).recent(task=task, before=cursor, limit=size + 1)
    more = runs[size - 1].id if len(runs) > size else None
    return documents.page([learned.training_run(run) for run in runs[:size]], more)


@router.get("/runs/{run_id}")
def get_run(run_id: str, context: SecretContext) -> dict[str, Any]:
    """One run: its state, what it is doing, and what became of it."""
    with context.view() as unit:
        return learned.training_run(RunStore(unit).get(run_id))


@router.post("/runs/{run_id}/cancel")
def post_cancel(run_id: str, context: SecretContext) -> JSONResponse:
    """Stop a run before its next step; what it has finished is kept for the next one."""
    now = context.services.clock.now()
    return context.write(lambda unit: learned.training_run(cancel_run(unit, run_id, now=now)))


@router.get("/settings")
def get_settings(context: SecretContext) -> dict[str, Any]:
    """How this tenant's models learn by themselves."""
    with context.view() as unit:
        return learned.settings(*RunStore(unit).settings())


@router.put("/settings")
def put_settings(body: NewSettings, context: SecretContext) -> JSONResponse:
    """Replace the settings; the answer says when the next runs are due."""
    wanted = LearningSettings(every=body.every, hour=body.hour, shadow_days=body.shadow_days)
    zone, now = context.principal.tenant.zone, context.services.clock.now()
    return context.write(
        lambda unit: learned.settings(wanted, change_settings(unit, wanted, zone=zone, now=now)), body=body
    )
