"""Experiments: writing them down, running them, asking for an arm, telling what was shown, and the report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from features.experiments.exposures_store import ExposureStore
from features.experiments.measures import MEASURES
from features.experiments.store import ExperimentStore
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.experiments.expose import Seen, assignment, expose
from serving.experiments.gather import report_of
from serving.experiments.look import pause_if_losing
from serving.experiments.manage import change, create, decide, drop, pause, raise_coverage, resume, start, stop
from serving.experiments.page_file import self_contained
from serving.experiments.planner import Wish, planned
from serving.experiments.rows import to_csv

if TYPE_CHECKING:
    from billing.db.session import Unit
    from features.experiments.experiment import Experiment

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])
_KEY = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MOST_EXPOSURES = 1_000
FOUR_WEEKS = timedelta(days=28)
Key = Annotated[str, Field(pattern=_KEY)]


class Strict(BaseModel):
    """A body in which an unknown word is an error: a typo in a plan must not pass for a default."""

    model_config = ConfigDict(extra="forbid")


class MetricBody(Strict):
    """What is judged. `measure` is one of those that `GET /v1/experiments/measures` lists; the key's own name where it is left out."""

    key: Key
    measure: str | None = Field(default=None, max_length=60)
    kind: Literal["rate", "mean", "ratio", "quantile", "retention"] | None = None
    better: Literal["higher", "lower"] | None = None
    event: str | None = Field(default=None, max_length=200)
    field: str | None = Field(default=None, max_length=200)
    window_days: int | None = Field(default=None, ge=1, le=366)
    winsorise: float | None = Field(default=None, gt=0.5, lt=1)
    quantile: float | None = Field(default=None, gt=0, lt=1)
    uses_past: bool | None = None
    margin: float | None = Field(default=None, gt=0, le=1)


class ArmBody(Strict):
    """An arm: its weight beside the others', what it does (`treatment`, free words) and which rights it gives."""

    key: Key
    weight: float | None = Field(default=None, gt=0, le=1e6)
    treatment: dict[str, Any] = Field(default_factory=dict, max_length=50)
    gives: dict[str, Any] = Field(default_factory=dict, max_length=20)


class ChangeBody(Strict):
    """The plan of an experiment, as it may be changed until it starts. The first arm is the control."""

    name: str | None = Field(default=None, max_length=200)
    hypothesis: str | None = Field(default=None, max_length=500)
    placement: str | None = Field(default=None, min_length=1, max_length=100)
    kind: Literal["test", "bandit"] = "test"
    arms: list[ArmBody] = Field(min_length=2, max_length=10)
    primary: MetricBody
    secondary: list[MetricBody] = Field(default_factory=list, max_length=15)
    guardrails: list[MetricBody] = Field(default_factory=list, max_length=15)
    unit: Literal["customer", "member"] = "customer"
    assigned_by: Literal["customer", "member"] = "customer"
    coverage: float = Field(default=1.0, gt=0, le=1)
    layer: str | None = Field(default=None, min_length=1, max_length=100)
    layer_share: float = Field(default=1.0, gt=0, le=1)
    sticky: bool = False
    design: Literal["anytime", "planned"] = "anytime"
    looks: list[float] | None = Field(default=None, min_length=1, max_length=20)
    planned_units: int | None = Field(default=None, ge=2, le=10**9)
    fewest_units_an_arm: int | None = Field(default=None, ge=1, le=10**8)
    fewest_days: int | None = Field(default=None, ge=7, le=366)
    alpha: float | None = Field(default=None, gt=0, lt=0.5)
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")


class ExperimentBody(ChangeBody):
    """The same under a key."""

    key: Key


class WhyBody(Strict):
    """Why something is done."""

    why: str = Field(default="", max_length=500)


class CoverageBody(Strict):
    """The share of units that take part from now on."""

    coverage: float = Field(gt=0, le=1)


class DecisionBody(Strict):
    """Which arm stays, why, and who says so."""

    arm: Key
    why: str = Field(min_length=1, max_length=500)
    who: str = Field(default="api", min_length=1, max_length=200)


class ExposureBody(Strict):
    """What a storefront rendered; `at` is now where it is left out, and `arm` the one that the experiment assigns."""

    customer: str = Field(min_length=1, max_length=200)
    member: str | None = Field(default=None, min_length=1, max_length=200)
    arm: Key | None = None
    at: datetime | None = None


class ExposuresBody(Strict):
    """A batch of them."""

    exposures: list[ExposureBody] = Field(min_length=1, max_length=MOST_EXPOSURES)


class WishBody(Strict):
    """What should be found: how large a change of which figure, with which certainty, at which traffic.

    Without `units_a_week` it is that of the last four weeks of an experiment named by `like`, or of `programme`, which is all offers.
    """

    kind: Literal["rate", "mean"] = "rate"
    baseline: float = Field(gt=0, lt=1e12)
    sd: float | None = Field(default=None, gt=0, lt=1e12)
    lift: float | None = Field(default=None, gt=0, le=10)
    arms: int = Field(default=2, ge=2, le=10)
    units_a_week: float | None = Field(default=None, gt=0, lt=1e12)
    like: str | None = Field(default=None, min_length=1, max_length=200)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    power: float = Field(default=0.8, gt=0.5, lt=1)
    explained: float = Field(default=0.0, ge=0, lt=1)
    weeks: int | None = Field(default=None, ge=1, le=104)


@router.get("")
def index(context: SecretContext) -> dict[str, Any]:
    """Every experiment, newest first."""
    with context.view() as unit:
        return documents.page([_document(each) for each in ExperimentStore(unit).all()], None)


@router.post("", status_code=201)
def add(body: ExperimentBody, context: SecretContext) -> JSONResponse:
    """Write an experiment down. Guardrails are added where the plan names none; nothing is fixed until it starts."""

    def work(unit: Unit) -> dict[str, Any]:
        asked = body.model_dump(exclude_none=True)
        return _document(create(unit, asked, currency=context.principal.tenant.currency, now=context.now))

    return context.write(work, body=body, status=201)


@router.get("/measures")
def measures(context: SecretContext) -> dict[str, Any]:
    """What can be counted of a customer, where from, and what a metric may make of it."""
    del context
    items = [
        {
            "key": each.key,
            "title": each.title,
            "source": each.source.value,
            "kinds": sorted(each.kinds),
            "is_money": each.is_money,
            "better": "lower" if each.lower_is_better else "higher",
        }
        for each in MEASURES.values()
    ]
    return documents.page(items, None)


@router.post("/plan")
def plan(body: WishBody, context: SecretContext) -> dict[str, Any]:
    """How many units and weeks an experiment needs, or what it could find in the weeks there are; stores nothing."""
    asked = body.model_dump(exclude={"like"})
    if body.units_a_week is None and body.like is not None:
        with context.view() as unit:
            seen = ExposureStore(unit).units_since(body.like, context.now - FOUR_WEEKS)
        asked["units_a_week"] = seen / 4 or None
    return planned(Wish(**asked))


@router.get("/{experiment}")
def show(experiment: str, context: SecretContext, version: Annotated[int | None, Query(ge=1)] = None) -> dict[str, Any]:
    """One experiment with its plan; the newest version unless one is named."""
    with context.view() as unit:
        return _document(ExperimentStore(unit).get(experiment, version))


@router.put("/{experiment}")
def put(experiment: str, body: ChangeBody, context: SecretContext) -> JSONResponse:
    """Change a draft; of a started experiment nothing can be changed."""

    def work(unit: Unit) -> dict[str, Any]:
        asked = body.model_dump(exclude_none=True)
        return _document(change(unit, experiment, asked, currency=context.principal.tenant.currency))

    return context.write(work, body=body)


@router.delete("/{experiment}", status_code=204)
def remove(experiment: str, context: SecretContext) -> Response:
    """Remove a draft."""
    with context.unit() as unit:
        drop(unit, experiment)
    return Response(status_code=204)


@router.post("/{experiment}/start")
def begin(experiment: str, context: SecretContext) -> JSONResponse:
    """Freeze the plan and run; the answer has its digest."""
    return context.write(lambda unit: _document(start(unit, experiment, now=context.now)))


@router.post("/{experiment}/pause")
def hold(experiment: str, body: WhyBody, context: SecretContext) -> JSONResponse:
    """Draw nobody until it is resumed."""
    return context.write(lambda unit: _document(pause(unit, experiment, why=body.why, now=context.now)), body=body)


@router.post("/{experiment}/resume")
def go_on(experiment: str, context: SecretContext) -> JSONResponse:
    """Go on after a pause, with the plan as it was."""
    return context.write(lambda unit: _document(resume(unit, experiment, now=context.now)))


@router.post("/{experiment}/coverage")
def widen(experiment: str, body: CoverageBody, context: SecretContext) -> JSONResponse:
    """Let more units take part; nobody who does is moved."""
    return context.write(
        lambda unit: _document(raise_coverage(unit, experiment, body.coverage, now=context.now)), body=body
    )


@router.post("/{experiment}/stop")
def end(experiment: str, body: WhyBody, context: SecretContext) -> JSONResponse:
    """Draw and expose nobody any more; what arms gave is taken back."""
    return context.write(lambda unit: _document(stop(unit, experiment, why=body.why, now=context.now)), body=body)


@router.post("/{experiment}/decide")
def settle(experiment: str, body: DecisionBody, context: SecretContext) -> JSONResponse:
    """Write down which arm stays and why, beside what the report says at this moment."""
    with context.view() as unit:
        report = report_of(unit, ExperimentStore(unit).get(experiment), now=context.now)

    def work(unit: Unit) -> dict[str, Any]:
        return _document(
            decide(unit, experiment, arm=body.arm, why=body.why, who=body.who, report=report, now=context.now)
        )

    return context.write(work, body=body)


@router.get("/{experiment}/assignment")
def arm(
    experiment: str,
    context: SecretContext,
    customer: Annotated[str, Query(max_length=200)] = "",
    member: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
) -> dict[str, Any]:
    """The arm of a customer or member and what it does; asking is no exposure."""
    with context.view() as unit:
        return assignment(unit, context.services, experiment, customer, member)


@router.post("/{experiment}/exposures")
def exposed(experiment: str, body: ExposuresBody, context: SecretContext) -> JSONResponse:
    """Tell what was rendered, up to a thousand at once. A unit counts once, from its first; telling again changes nothing."""
    seen = [Seen(**each.model_dump()) for each in body.exposures]
    return context.write(
        lambda unit: expose(unit, context.services, experiment, seen, now=context.now),
        body=body,
    )


@router.get("/{experiment}/report")
def report(
    experiment: str,
    context: SecretContext,
    file_format: Annotated[Literal["json", "csv", "html"], Query(alias="format")] = "json",
    version: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """What the experiment shows so far, masked until it may be seen; as a document, a table, or one page that needs nothing else."""
    document = _reported(context, experiment, version)
    if file_format == "csv":
        return _file(to_csv(document), "text/csv; charset=utf-8", f"{experiment}.csv")
    if file_format == "html":
        return _file(self_contained(document), "text/html; charset=utf-8", f"{experiment}.html")
    return JSONResponse(document)


def _reported(context: Context, key: str, version: int | None) -> dict[str, Any]:
    with context.view() as unit:
        experiment = ExperimentStore(unit).get(key, version)
        document = report_of(unit, experiment, now=context.now)
    if document["state"] == "paused" and document["status"] == "running":
        with context.unit() as unit:
            pause_if_losing(unit, ExperimentStore(unit).lock(key, version), document, now=context.now)
    return document


def _file(body: str, media_type: str, name: str) -> Response:
    return Response(body, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _document(value: Experiment) -> dict[str, Any]:
    """An experiment."""
    return {
        "key": value.key,
        "version": value.version,
        "name": value.name,
        "hypothesis": value.hypothesis,
        "status": value.status.value,
        "kind": value.kind.value,
        "placement": value.placement,
        "layer": value.layer,
        "layer_share": value.layer_share,
        "coverage": value.coverage,
        "sticky": value.is_sticky,
        "plan": value.plan,
        "plan_digest": value.digest,
        "arms": [{"key": key, "treatment": each.words, "gives": each.gives} for key, each in value.treatments.items()],
        "created_at": documents.instant(value.created_at),
        "started_at": documents.instant(value.started_at),
        "paused_at": documents.instant(value.paused_at),
        "stopped_at": documents.instant(value.stopped_at),
        "decided_at": documents.instant(value.decided_at),
        "why": value.why,
        "decision": None
        if value.decided_arm is None
        else {"arm": value.decided_arm, "by": value.decided_by, **(value.verdict or {})},
    }
