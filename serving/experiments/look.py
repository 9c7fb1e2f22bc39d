"""The daily look at a running experiment: kept for the sequence and the planned looks, and what stops an experiment that loses units."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from features.experiments.experiment import Kind, Status
from features.experiments.store import ExperimentStore, KeptLook
from models.experiments.bandit import shares, shares_of_means
from models.experiments.facts import judge_again
from models.experiments.figures import summary
from models.experiments.inference.sums import Cases
from models.experiments.plan_document import from_document
from models.experiments.report import facts_now, next_planned
from models.experiments.verdict import State
from serving.experiments.manage import pause

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from features.experiments.experiment import Experiment
    from models.experiments.plan import Plan
    from models.experiments.report import Evidence

EVERY: Final = timedelta(days=1)


def look(unit: Unit, experiment: Experiment, seen: Evidence, *, now: datetime) -> bool:
    """Keep what was seen of an experiment, once a day, and pause it where its arms lose units. Whether it was paused."""
    plan = from_document(experiment.plan)
    store = ExperimentStore(unit)
    if experiment.kind is Kind.BANDIT:
        _reallocate(store, experiment, plan, seen, now=now)
        return False
    planned = next_planned(plan, seen)
    facts = facts_now(plan, seen, planned)
    verdict = judge_again(plan, facts)
    kept = facts | {"state": verdict.state.value, "sentence": verdict.sentence}
    store.add_look(experiment.id, KeptLook(day=seen.days, at=now, planned=planned, units=dict(seen.units), facts=kept))
    return pause_if_losing(unit, experiment, {"state": verdict.state.value, "sentence": verdict.sentence}, now=now)


def pause_if_losing(unit: Unit, experiment: Experiment, report: dict[str, Any], *, now: datetime) -> bool:
    """Pause a running experiment whose report says that its arms do not have the units they were given."""
    if report["state"] != State.PAUSED.value or experiment.status is not Status.RUNNING:
        return False
    pause(unit, experiment.key, why=str(report["sentence"]), now=now)
    return True


def is_due(unit: Unit, experiment: Experiment, now: datetime) -> bool:
    """Whether a day has passed since the last look, or since the start."""
    last = ExperimentStore(unit).last_look_at(experiment.id) or experiment.started_at
    return last is not None and last + EVERY <= now


def _reallocate(store: ExperimentStore, experiment: Experiment, plan: Plan, seen: Evidence, *, now: datetime) -> None:
    """Shares for the coming day, by what was seen; the first week keeps those of the plan."""
    arms = [summary(plan.primary, sums) for sums in _in_order(plan, seen)]
    found = [arm for arm in arms if arm is not None]
    if seen.days >= plan.fewest_days and len(found) == len(plan.arms) and min(arm.n for arm in found) > 1:
        cases = [arm for arm in found if isinstance(arm, Cases)]
        new = shares(cases) if len(cases) == len(found) else shares_of_means(found)
        store.set_shares(experiment.id, {arm.key: share for arm, share in zip(plan.arms, new, strict=True)}, now)
    kept = KeptLook(day=seen.days, at=now, planned=None, units=dict(seen.units), facts={"state": "learning"})
    store.add_look(experiment.id, kept)


def _in_order(plan: Plan, seen: Evidence) -> list[Any]:
    sums = seen.sums.get(plan.primary.key, {})
    return [sums[arm.key] for arm in plan.arms if arm.key in sums]
