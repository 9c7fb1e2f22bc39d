"""The life of an experiment, step by step: each is one unit of work, and what the plan says is fixed by the first of them that counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from billing.catalog.publish import fitting
from billing.catalog.store import CatalogStore
from billing.kernel.errors import ConflictError
from billing.kernel.ids import new_id
from features.experiments.experiment import (
    ENDED,
    BadExperimentError,
    Experiment,
    FrozenPlanError,
    Kind,
    LayerFullError,
    Status,
)
from features.experiments.store import ExperimentStore
from models.experiments.allot import free_range
from models.experiments.assign import Namespace
from models.experiments.plan_document import from_document, to_document
from serving.experiments.draft import drafted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.db.session import Unit


class ExperimentExistsError(ConflictError):
    """Under this key an experiment is being written or runs."""

    code = "experiment_exists"


def create(unit: Unit, asked: Mapping[str, Any], *, currency: str, now: datetime) -> Experiment:
    """A draft. Under the key of an experiment that ended begins its next version, drawn anew by a salt of its own."""
    store = ExperimentStore(unit)
    store.alone()
    before = store.find(str(asked["key"]))
    if before is not None and before.status not in ENDED:
        raise ExperimentExistsError(
            f"this experiment is {before.status.value}; change it, or end it before it is run again",
            experiment=before.key,
        )
    version = 1 if before is None else before.version + 1
    made = drafted(asked, experiment_id=new_id("exp"), version=version, currency=currency, created_at=now)
    _check_rights(unit, made)
    store.add(made)
    return made


def change(unit: Unit, key: str, asked: Mapping[str, Any], *, currency: str) -> Experiment:
    """Replace a draft. Of a started experiment nothing can be changed but its coverage, by `raise_coverage`."""
    store = ExperimentStore(unit)
    before = store.lock(key)
    if before.status is not Status.DRAFT:
        raise FrozenPlanError(
            "the plan was frozen when the experiment started: end this one and run its next version, "
            "or raise its coverage",
            experiment=key,
            digest=before.digest,
        )
    made = drafted(
        {**asked, "key": key},
        experiment_id=before.id,
        version=before.version,
        currency=currency,
        created_at=before.created_at,
    )
    _check_rights(unit, made)
    store.save(made)
    return made


def drop(unit: Unit, key: str) -> None:
    """Remove a draft."""
    store = ExperimentStore(unit)
    before = store.lock(key)
    before.require(Status.DRAFT)
    store.remove(before.id)


def start(unit: Unit, key: str, *, now: datetime) -> Experiment:
    """Freeze the plan, take a free part of the layer, and run. The digest is of the plan with that part."""
    store = ExperimentStore(unit)
    store.alone()
    before = store.lock(key)
    before.may_become(Status.RUNNING)
    before.require(Status.DRAFT)
    live = [each for each in store.live() if each.id != before.id]
    _check_gives(before, live)
    plan = replace(from_document(before.plan), namespace=_namespace(before, live), coverage=before.coverage)
    after = replace(before, status=Status.RUNNING, started_at=now, plan=to_document(plan), digest=plan.digest)
    store.save(after)
    if after.kind is Kind.BANDIT:
        store.set_shares(after.id, {arm.key: arm.weight for arm in plan.arms}, now)
    unit.emit("experiment.started", after.id, {"experiment": after.run, "plan": after.digest}, now)
    return after


def pause(unit: Unit, key: str, *, why: str, now: datetime) -> Experiment:
    """Nobody new is drawn, everybody sees what control sees; what was given stays."""
    store = ExperimentStore(unit)
    before = store.lock(key)
    before.may_become(Status.PAUSED)
    after = replace(before, status=Status.PAUSED, paused_at=now, why=why[:500])
    store.save(after)
    unit.emit_once(
        "experiment.paused", f"{after.id}:{now.isoformat()}", {"experiment": after.run, "why": after.why}, now
    )
    return after


def resume(unit: Unit, key: str, *, now: datetime) -> Experiment:
    """Go on: the same plan, salt and part of the layer."""
    store = ExperimentStore(unit)
    before = store.lock(key)
    before.require(Status.PAUSED)
    after = replace(before, status=Status.RUNNING, why=None)
    store.save(after)
    unit.emit_once("experiment.resumed", f"{after.id}:{now.isoformat()}", {"experiment": after.run}, now)
    return after


def raise_coverage(unit: Unit, key: str, coverage: float, *, now: datetime) -> Experiment:
    """Draw more units; who is enrolled stays where they are."""
    store = ExperimentStore(unit)
    before = store.lock(key)
    before.require(Status.RUNNING, Status.PAUSED)
    if not before.coverage <= coverage <= 1:
        raise BadExperimentError(
            f"coverage may rise from {before.coverage:g} up to 1; lowering it would throw units out that count",
            experiment=key,
        )
    after = replace(before, coverage=round(coverage, 3))
    store.save(after)
    told = {"experiment": after.run, "coverage": after.coverage}
    unit.emit_once("experiment.coverage_raised", f"{after.id}:{after.coverage}", told, now)
    return after


def stop(unit: Unit, key: str, *, why: str, now: datetime) -> Experiment:
    """End it: nobody is drawn or exposed any more; outcomes of those exposed may still come in until it is decided."""
    store = ExperimentStore(unit)
    before = store.lock(key)
    before.may_become(Status.STOPPED)
    after = replace(before, status=Status.STOPPED, stopped_at=now, why=why[:500] or None)
    store.save(after)
    unit.emit("experiment.stopped", after.id, {"experiment": after.run, "why": after.why}, now)
    return after


def decide(
    unit: Unit, key: str, *, arm: str, why: str, who: str, report: Mapping[str, Any], now: datetime
) -> Experiment:
    """Write down which arm stays and why, with the report's verdict, the facts it rested on and the plan's digest."""
    store = ExperimentStore(unit)
    before = store.lock(key)
    before.may_become(Status.DECIDED)
    if arm not in before.treatments:
        raise BadExperimentError(f"decide for one of its arms: {', '.join(before.treatments)}", experiment=key)
    verdict = {name: report.get(name) for name in ("state", "sentence", "winner", "facts", "units", "days")}
    verdict |= {"plan": before.digest, "why": why}
    after = replace(
        before,
        status=Status.DECIDED,
        decided_at=now,
        decided_arm=arm,
        decided_by=who[:500],
        verdict=verdict,
    )
    store.save(after)
    told = {"experiment": after.run, "arm": arm, "sentence": verdict["sentence"], "why": why}
    unit.emit("experiment.decided", after.id, told, now)
    return after


def _namespace(experiment: Experiment, live: list[Experiment]) -> Namespace | None:
    if experiment.layer is None:
        return None
    beside = [each for each in live if each.layer == experiment.layer]
    taken = [from_document(each.plan).namespace for each in beside]
    span = free_range([(held.start, held.end) for held in taken if held], experiment.layer_share)
    if span is None:
        held = ", ".join(each.run for each in beside)
        raise LayerFullError(
            f"{held} hold{'s' if len(beside) == 1 else ''} too much of the layer {experiment.layer!r}: "
            "end one of them, or give this one a smaller layer_share",
            experiment=experiment.key,
            layer=experiment.layer,
        )
    return Namespace(experiment.layer, *span)


def _check_rights(unit: Unit, experiment: Experiment) -> None:
    features = CatalogStore(unit).features_of(experiment.gives)
    for arm, treatment in experiment.treatments.items():
        for feature, value in treatment.gives.items():
            if feature not in features:
                raise BadExperimentError(f"there is no feature {feature[:60]!r}", arm=arm)
            fitting(features[feature].kind, value, feature)


def _check_gives(experiment: Experiment, live: list[Experiment]) -> None:
    for each in live:
        both = sorted(each.gives & experiment.gives)
        if both:
            raise LayerFullError(
                f"{each.run} gives {both[0]!r} too; two experiments may not set one right", experiment=experiment.key
            )
