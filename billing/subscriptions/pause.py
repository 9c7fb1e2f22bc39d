"""Pausing: nothing is charged and nothing may be used until it is resumed, when the periods start over.

A pause now cuts the period off: billing, which the caller runs in the same unit, closes the usage so far and, where asked, the invoice
gives the unused time back. A pause at the period's end only stops what would come.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.subscriptions.cancel import give_back
from billing.subscriptions.checks import check_running
from billing.subscriptions.history import record
from billing.subscriptions.preview import check_billed
from billing.subscriptions.schedule import period_end, with_step
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import ChangeRefusedError, Scheduled, ScheduledStep, Subscription
from billing.subscriptions.turn import in_trial

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


def pause_now(
    unit: Unit, subscription_id: str, *, now: datetime, credit: bool = False, resume_at: datetime | None = None
) -> Subscription:
    """Pause at `now`, with the unused time given back if `credit`; `resume_at` sets the end of the pause."""
    subscription = _pausable(unit, subscription_id, now)
    check_billed(subscription, now)
    if credit:
        give_back(unit, subscription, now)
    return _paused_from(unit, subscription, now, resume_at, now)


def pause_at_period_end(
    unit: Unit, subscription_id: str, *, now: datetime, resume_at: datetime | None = None
) -> Subscription:
    """Pause when the paid period ends; until then all goes on."""
    subscription = _pausable(unit, subscription_id, now)
    check_billed(subscription, now)
    return _paused_from(unit, subscription, period_end(subscription), resume_at, now)


def resume(unit: Unit, subscription_id: str, *, now: datetime, at: datetime | None = None) -> Subscription:
    """End a pause now or at an instant to come: a new period begins there, whose fees billing asks for.

    A pause that has not begun is taken back when no instant is given.
    """
    subscription = SubscriptionStore(unit).lock(subscription_id)
    check_running(subscription)
    waiting = any(step.kind is Scheduled.PAUSE for step in subscription.scheduled)
    if subscription.paused_at is None and not waiting:
        raise ChangeRefusedError("the subscription is not paused", subscription=subscription.id)
    if at is not None and at < now:
        raise InvalidError("a pause ends now or at an instant to come", at=at.isoformat())
    if subscription.paused_at is None and at is None:
        kinds = {Scheduled.PAUSE, Scheduled.RESUME}
        left = tuple(step for step in subscription.scheduled if step.kind not in kinds)
        after = replace(subscription, scheduled=left, revision=subscription.revision + 1)
        return _scheduled(unit, after, "unscheduled", now)
    _check_after_pause(subscription, at)
    after = with_step(subscription, ScheduledStep(kind=Scheduled.RESUME, at=at or now))
    return _scheduled(unit, after, "scheduled", now)


def _pausable(unit: Unit, subscription_id: str, now: datetime) -> Subscription:
    subscription = SubscriptionStore(unit).lock(subscription_id)
    check_running(subscription)
    if subscription.paused_at is not None:
        raise ChangeRefusedError("the subscription is paused already", subscription=subscription.id)
    if subscription.ends_at is not None:
        raise ChangeRefusedError("the subscription is ending; uncancel it first", subscription=subscription.id)
    if in_trial(subscription, now):
        raise ChangeRefusedError("a trial cannot be paused; cancel it instead", subscription=subscription.id)
    return subscription


def _paused_from(
    unit: Unit, subscription: Subscription, at: datetime, resume_at: datetime | None, now: datetime
) -> Subscription:
    if resume_at is not None and resume_at <= at:
        raise InvalidError("a pause ends after it begins", resume_at=resume_at.isoformat(), pause_at=at.isoformat())
    kinds = {Scheduled.PAUSE, Scheduled.RESUME}
    kept = tuple(step for step in subscription.scheduled if step.kind not in kinds)
    after = with_step(replace(subscription, scheduled=kept), ScheduledStep(kind=Scheduled.PAUSE, at=at))
    if resume_at is not None:
        after = with_step(after, ScheduledStep(kind=Scheduled.RESUME, at=resume_at))
    return _scheduled(unit, after, "scheduled", now)


def _check_after_pause(subscription: Subscription, at: datetime | None) -> None:
    for step in subscription.scheduled:
        if step.kind is Scheduled.PAUSE and at is not None and at <= step.at:
            raise InvalidError("a pause ends after it begins", at=at.isoformat(), pause_at=step.at.isoformat())


def _scheduled(unit: Unit, after: Subscription, told: str, now: datetime) -> Subscription:
    SubscriptionStore(unit).save(after)
    record(unit, after, told, at=now)
    return after
