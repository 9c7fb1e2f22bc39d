"""What happens to a subscription when something falls due: one pure step from what it was to what it is, and what is billed on the way.

In this order: usage up to the instant is closed under the versions that were in force; the subscription ends, or its scheduled steps are
taken; then the fees of the period that begins are asked for. A change to a plan that renews by another interval, and the end of a pause,
start the periods over from their instant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.terms import Proration
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.period import Period
from billing.subscriptions.subscription import AddonItem, Scheduled, Status, next_boundary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.subscriptions.subscription import ScheduledStep, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One due instant of a subscription, taken.

    `closes` is the usage to bill, under `before`'s versions; `fees` the period whose fees are due for `after`'s items, and `phase` its
    number since the plan's first phase began. `told` are the history's steps; rights of `rights_end` (None among them: all) end, and
    those of the versions `rights_begin` begin.
    """

    at: datetime
    before: Subscription
    after: Subscription
    closes: Period | None
    fees: Period | None
    phase: int
    told: tuple[str, ...]
    rights_end: tuple[str | None, ...]
    rights_begin: tuple[str, ...]


def is_within_period(subscription: Subscription, step: ScheduledStep, versions: Mapping[str, PlanVersion]) -> bool:
    """Whether a step shares a period out: the same interval goes on, so what is left of the period is prorated, and no period is closed."""
    if step.kind is Scheduled.REMOVE:
        return step.at != subscription.cadence.boundary(subscription.billed_periods)
    if step.kind is not Scheduled.CHANGE or step.version_id is None:
        return False
    if step.at == subscription.cadence.boundary(subscription.billed_periods):
        return False
    version = versions[step.version_id]
    return version.kind is PlanKind.ADDON or not starts_over(version, versions[subscription.version_id])


def starts_over(version: PlanVersion, current: PlanVersion) -> bool:
    """Whether a change to a plan cuts the period off and starts a new one: another interval, or a plan whose policy is a full reset."""
    reset = version.terms.proration is Proration.FULL_RESET and version.id != current.id
    return reset or _interval(version) != _interval(current)


def in_trial(subscription: Subscription, at: datetime) -> bool:
    """Whether an instant lies in the trial, before any fee."""
    return (
        subscription.trial_ends_at is not None and subscription.billed_periods == 0 and at < subscription.trial_ends_at
    )


def turn(subscription: Subscription, versions: Mapping[str, PlanVersion]) -> Turn:
    """The next due instant, taken. `versions` holds every pinned and scheduled version by id; something must be due."""
    at = next_boundary(subscription)
    if at is None:
        raise ValueError(f"nothing will fall due for {subscription.id}")
    uses = subscription.status in {Status.ACTIVE, Status.CANCELLING}
    closes = Period(subscription.usage_from, at) if uses and subscription.usage_from < at else None
    after = replace(subscription, usage_from=at) if closes else subscription
    if subscription.ends_at is not None and at >= subscription.ends_at:
        ended = replace(after, status=Status.ENDED, scheduled=(), revision=after.revision + 1)
        return _turn(subscription, ended, at, closes, told=("ended",), rights_end=(None,))
    told: list[str] = []
    for step in subscription.scheduled:
        if step.at <= at:
            after = _taken(after, step, at, versions)
            told += [_TOLD[step.kind]] if _TOLD[step.kind] not in told else []
    fees, phase = None, 0
    if after.status is not Status.PAUSED and after.cadence.boundary(after.billed_periods) == at:
        fees, phase = after.cadence.period(after.billed_periods), after.billed_periods - after.phase_from
        after = replace(after, billed_periods=after.billed_periods + 1, usage_from=at)
    if after.status is Status.TRIALING and fees is not None:
        after = replace(after, status=Status.ACTIVE, revision=after.revision + 1)
        told.append("activated")
    if fees is not None and not told and _enters_another_phase(versions[after.version_id], phase):
        told.append(REPRICED)
    ends, begins = _rights(subscription, after)
    return _turn(
        subscription, after, at, closes, fees=fees, phase=phase, told=tuple(told), rights_end=ends, rights_begin=begins
    )


def _enters_another_phase(version: PlanVersion, phase: int) -> bool:
    """Whether the period of this number has another price than the one before, for nothing but the time that passed."""
    return phase > 0 and version.terms.phase(phase) != version.terms.phase(phase - 1)


REPRICED = "repriced"  # the history's step of a price that moved while everything else stayed
_TOLD = {
    Scheduled.CHANGE: "changed",
    Scheduled.REMOVE: "changed",
    Scheduled.PAUSE: "paused",
    Scheduled.RESUME: "resumed",
}


def _turn(
    before: Subscription,
    after: Subscription,
    at: datetime,
    closes: Period | None,
    *,
    fees: Period | None = None,
    phase: int = 0,
    told: tuple[str, ...] = (),
    rights_end: tuple[str | None, ...] = (),
    rights_begin: tuple[str, ...] = (),
) -> Turn:
    return Turn(
        at=at,
        before=before,
        after=after,
        closes=closes,
        fees=fees,
        phase=phase,
        told=told,
        rights_end=rights_end,
        rights_begin=rights_begin,
    )


def _taken(
    subscription: Subscription, step: ScheduledStep, at: datetime, versions: Mapping[str, PlanVersion]
) -> Subscription:
    """The subscription after one of its scheduled steps, at an instant where a period begins or is cut off."""
    left = tuple(other for other in subscription.scheduled if other is not step)
    base = replace(subscription, scheduled=left, revision=subscription.revision + 1)
    if step.kind is Scheduled.PAUSE:
        return replace(base, status=Status.PAUSED, paused_at=at, usage_from=at)
    if step.kind is Scheduled.RESUME:
        return _started_over(replace(base, status=Status.ACTIVE, paused_at=None), at, versions[base.version_id])
    if step.kind is Scheduled.REMOVE:
        return replace(base, addons=tuple(addon for addon in base.addons if addon.plan_key != step.target))
    return base if step.version_id is None else _changed(base, step, versions[step.version_id], at, versions)


def _changed(
    base: Subscription, step: ScheduledStep, version: PlanVersion, at: datetime, versions: Mapping[str, PlanVersion]
) -> Subscription:
    if version.kind is PlanKind.ADDON:
        return with_addon(base, version.plan_key, version.id, seats=step.seats or 1, at=at)
    seats = base.seats if step.seats is None else step.seats
    moved = replace(base, plan_key=version.plan_key, version_id=version.id, seats=seats)
    cut = at != base.cadence.boundary(base.billed_periods) and starts_over(version, versions[base.version_id])
    if cut or _interval(version) != _interval(versions[base.version_id]):
        return replace(_started_over(moved, at, version), phase_from=0)
    return moved if version.id == base.version_id else replace(moved, phase_from=moved.billed_periods)


def with_addon(subscription: Subscription, plan_key: str, version_id: str, *, seats: int, at: datetime) -> Subscription:
    """The subscription with an add-on in so many seats, in the place it had or at the end."""
    started = next((addon.started_at for addon in subscription.addons if addon.plan_key == plan_key), at)
    item = AddonItem(plan_key=plan_key, version_id=version_id, started_at=started, seats=seats)
    others = tuple(addon for addon in subscription.addons if addon.plan_key != plan_key)
    return replace(subscription, addons=(*others, item))


def _started_over(subscription: Subscription, at: datetime, version: PlanVersion) -> Subscription:
    """The same with periods that begin at `at`; the plan's phases go on where they were."""
    cadence = Cadence(at, Interval(version.interval), version.interval_count, subscription.cadence.zone)
    return replace(
        subscription,
        cadence=cadence,
        billed_periods=0,
        usage_from=at,
        phase_from=subscription.phase_from - subscription.billed_periods,
    )


def _rights(before: Subscription, after: Subscription) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Whose rights end and which versions' begin between two states."""
    if after.status is Status.PAUSED:
        return (None,), ()
    if after.cadence != before.cadence or before.status is Status.PAUSED:
        return (before.plan_key, *(addon.plan_key for addon in before.addons)), after.version_ids
    held = {before.plan_key: (before.version_id, before.seats)}
    held.update((addon.plan_key, (addon.version_id, addon.seats)) for addon in before.addons)
    wanted = {after.plan_key: (after.version_id, after.seats)}
    wanted.update((addon.plan_key, (addon.version_id, addon.seats)) for addon in after.addons)
    ends = tuple(key for key, item in held.items() if wanted.get(key) != item)
    begins = tuple(item[0] for key, item in wanted.items() if held.get(key) != item)
    return ends, begins


def _interval(version: PlanVersion) -> tuple[str, int]:
    return version.interval, version.interval_count
