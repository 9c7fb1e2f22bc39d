"""What the worker does for experiments: enrol and free customers of arms that give rights, note what exposed units had, look once a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from billing.customers.store import CustomerStore
from billing.subscriptions.store import SubscriptionStore
from features.experiments.experiment import Status
from features.experiments.exposures_store import ExposureStore
from features.experiments.store import ExperimentStore
from features.segments.store import SegmentStore
from serving.experiments.enrol import PART, enrol, release
from serving.experiments.gather import evidence
from serving.experiments.holdout import holdout_of
from serving.experiments.look import is_due, look

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from serving.wiring import Services

_PART: Final = 2_000


@dataclass(slots=True)
class Tended:
    """What was done."""

    enrolled: int = 0
    freed: int = 0
    described: int = 0
    looked: int = 0
    paused: int = 0


def tend_experiments(services: Services, scope: Scope, *, now: datetime) -> Tended:
    """Everything that is due; a tenant without experiments costs one query."""
    done = Tended()
    with services.database.view(scope) as unit:
        store = ExperimentStore(unit)
        running = store.with_status(Status.RUNNING)
        ended = store.to_free()
        has_new = bool(ExposureStore(unit).undescribed(1))
        due = [each for each in store.live() if is_due(unit, each, now)]
        counts = {each.run: ExposureStore(unit).counts(each.run) for each in running if each.gives}
    for experiment in running:
        if experiment.gives and (experiment in due or not counts.get(experiment.run)):
            done.enrolled += _enrol(services, scope, experiment.id, now)
    for experiment in ended:
        done.freed += _release(services, scope, experiment.id, now)
    if has_new:
        done.described = _describe(services, scope)
    for experiment in due:
        with services.database.view(
            scope
        ) as unit:  # adding up may take seconds, in which others shall be able to write
            seen = evidence(unit, experiment, until=now)
        with services.database.unit(scope) as unit:
            done.paused += look(unit, experiment, seen, now=now)
            done.looked += 1
    return done


def _enrol(services: Services, scope: Scope, experiment_id: str, now: datetime) -> int:
    """Everybody whom the hash draws and who is not in yet, at the start and then daily; a part of the customers a transaction."""
    enrolled, cursor = 0, None
    while True:
        with services.database.unit(scope) as unit:
            running = next((each for each in ExperimentStore(unit).running() if each.id == experiment_id), None)
            if running is None:
                return enrolled
            page = CustomerStore(unit).page(limit=PART, cursor=cursor)
            keys = [customer.key for customer in page.items]
            enrolled += enrol(
                unit,
                running,
                keys,
                is_held_out=holdout_of(unit, services.settings),
                now=now,
            )
        cursor = page.next_cursor
        if cursor is None:
            return enrolled


def _release(services: Services, scope: Scope, experiment_id: str, now: datetime) -> int:
    after: str | None = ""
    parts = 0
    while after is not None:
        with services.database.unit(scope) as unit:
            experiment = ExperimentStore(unit).by_id(experiment_id)
            after = release(unit, experiment, after, now=now) if experiment.gives else None
            parts += 1
            if after is None:
                ExperimentStore(unit).save(replace(experiment, freed_at=now))
    return parts


def _describe(services: Services, scope: Scope) -> int:
    """Note the plan and segment that exposed units have, of those of the last minute: the dimensions of breakdowns."""
    described = 0
    while True:
        with services.database.unit(scope) as unit:
            store = ExposureStore(unit)
            waiting = store.undescribed(_PART)
            customers = {customer for _, _, customer, _ in waiting}
            plans = SubscriptionStore(unit).running_of(customers)
            segments = SegmentStore(unit).keys_of(customers)
            store.describe(
                {
                    (experiment, name): (
                        plans[customer].plan_key if customer in plans else "",
                        segments.get(customer, ""),
                    )
                    for experiment, name, customer, _ in waiting
                }
            )
        described += len(waiting)
        if len(waiting) < _PART:
            return described
