"""Which arm somebody is in, and that they saw it: the two questions of a storefront that renders an experiment itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.customers.store import CustomerStore
from features.experiments.experiment import BadExperimentError, Status, unit_key
from features.experiments.exposures_store import Exposed, ExposureStore
from features.experiments.store import ExperimentStore, running_of
from serving.experiments.holdout import holdout_of
from serving.predict.trials import arm_of, kept_arms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.experiments.experiment import Experiment, Running
    from models.experiments.allot import Allotted
    from serving.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Somebody saw an arm at an instant; without an arm the one that the experiment assigns."""

    customer: str
    member: str | None = None
    arm: str | None = None
    at: datetime | None = None


def assignment(unit: Unit, services: Services, key: str, customer: str, member: str | None) -> dict[str, Any]:
    """The arm with what it does, or null and why; the customer need not exist yet, since the hash knows them."""
    experiment = ExperimentStore(unit).get(key)
    if not customer:
        raise BadExperimentError("name the customer", experiment=key)
    told: dict[str, Any] = {"experiment": experiment.key, "version": experiment.version, "customer": customer}
    told |= {"member": member, "arm": None, "treatment": {}, "is_control": False}
    if experiment.status is not Status.RUNNING:
        return told | {"reason": experiment.status.value}
    if experiment.plan["unit"] == "member" and member is None:
        raise BadExperimentError("this experiment is on members: name the member", experiment=key)
    if holdout_of(unit, services.settings)(customer):
        return told | {"reason": "holdout"}
    allotted = _allotted(unit, _running(unit, experiment), customer, member)
    if allotted is None:
        return told | {"reason": "not_enrolled"}
    return told | {
        "arm": allotted.arm,
        "treatment": experiment.treatments[allotted.arm].words,
        "is_control": allotted.arm == experiment.plan["arms"][0]["key"],
        "reason": "kept" if allotted.is_kept else "drawn",
    }


def expose(unit: Unit, services: Services, key: str, seen: Sequence[Seen], *, now: datetime) -> dict[str, Any]:
    """Keep what was rendered while the experiment ran; the answer counts what was new, known, crossing, and left out and why."""
    experiment = ExperimentStore(unit).get(key)
    if experiment.status is not Status.RUNNING:
        return {"new": 0, "again": 0, "crossed": 0, "left_out": {experiment.status.value: len(seen)}}
    running, is_held_out = _running(unit, experiment), holdout_of(unit, services.settings)
    customers = CustomerStore(unit).ids_by_key({each.customer for each in seen})
    rows: list[Exposed] = []
    left_out: dict[str, int] = {}
    for each in seen:
        reason, row = _row(unit, running, each, customers.get(each.customer), now=now)
        if is_held_out(each.customer):
            reason, row = "holdout", None
        if row is None:
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            rows.append(row)
    kept = ExposureStore(unit).add(rows)
    return {"new": kept.new, "again": kept.again, "crossed": kept.crossed, "left_out": left_out}


def _row(
    unit: Unit, running: Running, seen: Seen, customer_id: str | None, *, now: datetime
) -> tuple[str, Exposed | None]:
    if seen.arm is not None and seen.arm not in running.arms:
        raise BadExperimentError(f"its arms are {', '.join(running.arms)}", experiment=running.key, arm=seen.arm)
    if seen.at is not None and seen.at.tzinfo is None:
        raise BadExperimentError("an instant names its offset, such as 2026-03-01T12:00:00Z", experiment=running.key)
    if customer_id is None:
        return "unknown_customer", None
    counted = unit_key(running.unit, seen.customer, seen.member)
    if counted is None:
        return "no_member", None
    allotted = _allotted(unit, running, seen.customer, seen.member)
    if allotted is None:
        return "not_enrolled", None
    arm = seen.arm or allotted.arm
    return "", Exposed(
        experiment=running.key,
        unit=counted,
        customer_id=customer_id,
        arm=arm,
        at=min(seen.at or now, now),
        counterfactual=False,
        propensity=_propensity(running, arm),
        member=seen.member if running.unit == "member" else None,
    )


def _running(unit: Unit, experiment: Experiment) -> Running:
    shares = ExperimentStore(unit).shares(experiment.id)
    return running_of(experiment, shares[-1][1] if shares else None)


def _allotted(unit: Unit, running: Running, customer: str, member: str | None) -> Allotted | None:
    kept = kept_arms(unit, [running], customer, member)
    return arm_of(running, customer, member, kept=kept.get(running.key))


def _propensity(running: Running, arm: str) -> float:
    if running.shares is not None:
        return running.shares[arm]
    return next(float(each["weight"]) for each in running.plan["arms"] if each["key"] == arm)
