"""What is set to happen later: scheduling it, taking it back, and taking what falls inside a period.

A step at a period's end, and one that cuts a period off, is taken by the billing run's turn. A change inside a period that goes on shares
the period out and closes nothing: `perform_due` takes it, as of its instant, before the run looks for what else is due.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.kernel.errors import InvalidError, NotFoundError
from billing.subscriptions.commit import commit_change, commit_removal
from billing.subscriptions.history import record
from billing.subscriptions.preview import credit_lines, price_change
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import (
    ChangeRefusedError,
    Scheduled,
    ScheduledStep,
    Subscription,
    next_boundary,
)
from billing.subscriptions.turn import in_trial, is_within_period

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit

MOST_STEPS = 20


class StepNotFoundError(NotFoundError):
    """Nothing is scheduled at that place."""

    code = "scheduled_step_not_found"


def period_end(subscription: Subscription) -> datetime:
    """The end of what is paid for, or of the trial: where a change at the period's end happens."""
    return subscription.cadence.boundary(subscription.billed_periods)


def check_moment(subscription: Subscription, at: datetime, now: datetime) -> None:
    """Refuse to schedule in the past, after the end, inside a trial, or while no period runs."""
    if at <= now:
        raise InvalidError("a change is scheduled for an instant to come", at=at.isoformat())
    if subscription.paused_at is not None:
        raise ChangeRefusedError("the subscription is paused; resume it first", subscription=subscription.id)
    if in_trial(subscription, at):
        raise ChangeRefusedError(
            "during a trial a change happens now or when the trial ends", subscription=subscription.id
        )
    if subscription.ends_at is not None and at >= subscription.ends_at:
        raise ChangeRefusedError("the subscription ends before that; uncancel it first", subscription=subscription.id)


def with_step(
    subscription: Subscription, step: ScheduledStep, versions: Mapping[str, PlanVersion] | None = None
) -> Subscription:
    """The subscription with a step scheduled in the place of those that the step makes void; soonest first."""
    kept = [other for other in subscription.scheduled if not _replaces(step, other, versions or {})]
    if len(kept) >= MOST_STEPS:
        raise ChangeRefusedError(f"at most {MOST_STEPS} steps wait at a time", subscription=subscription.id)
    steps = sorted([*kept, step], key=lambda each: each.at)
    return replace(subscription, scheduled=tuple(steps), revision=subscription.revision + 1)


def without_steps(
    subscription: Subscription, versions: Mapping[str, PlanVersion], version: PlanVersion
) -> Subscription:
    """The subscription without the scheduled changes that moving to `version` makes void: of the plan, or of that add-on."""
    probe = ScheduledStep(
        kind=Scheduled.CHANGE, at=subscription.started_at, target=version.plan_key, version_id=version.id
    )
    known = {**versions, version.id: version}
    kept = tuple(step for step in subscription.scheduled if not _replaces(probe, step, known))
    return replace(subscription, scheduled=kept)


def cancel_scheduled(unit: Unit, subscription_id: str, *, now: datetime, position: int | None = None) -> Subscription:
    """Take back what is scheduled: all of it, or the step at a place in the list. Pauses and their ends are taken back alike."""
    store = SubscriptionStore(unit)
    subscription = store.lock(subscription_id)
    steps = subscription.scheduled
    if position is not None and not 0 <= position < len(steps):
        raise StepNotFoundError(f"nothing is scheduled at place {position}", subscription=subscription.id)
    left = () if position is None else tuple(step for place, step in enumerate(steps) if place != position)
    if left == steps:
        return subscription
    after = replace(subscription, scheduled=left, revision=subscription.revision + 1)
    store.save(after)
    record(unit, after, "unscheduled", at=now)
    return after


def perform_due(unit: Unit, subscription: Subscription, now: datetime) -> Subscription:
    """A locked subscription with its next steps inside a period taken, as of their instants, until something else is due first."""
    while (step := _next_within(unit, subscription, now)) is not None:
        subscription = _perform(unit, subscription, step)
    return subscription


def perform_all(unit: Unit, subscriptions: Sequence[Subscription], now: datetime) -> list[Subscription]:
    """The same for many."""
    return [perform_due(unit, each, now) for each in subscriptions]


def _next_within(unit: Unit, subscription: Subscription, now: datetime) -> ScheduledStep | None:
    if not subscription.scheduled or subscription.scheduled[0].at > now:
        return None
    boundary = next_boundary(subscription)
    due = [step for step in subscription.scheduled if step.at == boundary]
    if not due or (subscription.ends_at is not None and subscription.ends_at <= due[0].at):
        return None
    wanted = {step.version_id for step in due if step.version_id is not None}
    versions = CatalogStore(unit).by_ids({*subscription.version_ids, *wanted})
    return next((step for step in due if is_within_period(subscription, step, versions)), None)


def _perform(unit: Unit, subscription: Subscription, step: ScheduledStep) -> Subscription:
    """One step taken; one that can no longer be made (its plan went meanwhile) is dropped, and the history says so."""
    left = tuple(other for other in subscription.scheduled if other is not step)
    base = replace(subscription, scheduled=left, revision=subscription.revision + 1)
    wanted = {step.version_id} - {None}
    versions = CatalogStore(unit).by_ids({*subscription.version_ids, *(each for each in wanted if each)})
    pinned = {version_id: versions[version_id] for version_id in subscription.version_ids}
    if step.kind is Scheduled.REMOVE:
        if step.target is not None and base.owns(step.target):
            lines = credit_lines(base, pinned, step.at, only=step.target)
            return commit_removal(unit, base, step.target, lines, at=step.at)
        SubscriptionStore(unit).save(base)
        return base
    try:
        priced = price_change(base, versions[step.version_id or ""], pinned, at=step.at, seats=step.seats)
    except (ChangeRefusedError, InvalidError):
        SubscriptionStore(unit).save(base)
        record(unit, base, "change_dropped", at=step.at)
        return base
    return commit_change(unit, base, priced, at=step.at).subscription


def _replaces(step: ScheduledStep, other: ScheduledStep, versions: Mapping[str, PlanVersion]) -> bool:
    """Whether a step makes another void: one plan, one change of an add-on, one pause and one end of it wait at a time."""
    if Scheduled.PAUSE in {step.kind, other.kind} or Scheduled.RESUME in {step.kind, other.kind}:
        return step.kind is other.kind
    if step.target == other.target:
        return True
    return _is_plan(step, versions) and _is_plan(other, versions)


def _is_plan(step: ScheduledStep, versions: Mapping[str, PlanVersion]) -> bool:
    found = versions.get(step.version_id or "")
    return step.kind is Scheduled.CHANGE and found is not None and found.kind is PlanKind.PLAN


def scheduled_versions(subscription: Subscription) -> set[str]:
    """The versions that scheduled steps name."""
    return {step.version_id for step in subscription.scheduled if step.version_id is not None}
