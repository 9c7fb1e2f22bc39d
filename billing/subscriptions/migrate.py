"""Moving subscriptions from older versions of a plan to a newer one: a new version reaches nobody without it.

Each subscription moves in a unit of its own; running it again moves only those that are left, so that a run that was cut short goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.kernel.errors import InvalidError, UptierError
from billing.subscriptions.change import When
from billing.subscriptions.checks import check_seats
from billing.subscriptions.commit import commit_change
from billing.subscriptions.history import record
from billing.subscriptions.preview import Effect, check_billed, price_pinned
from billing.subscriptions.schedule import check_moment, period_end, with_step
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import ChangeRefusedError, Scheduled, ScheduledStep, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit

MOST_AT_ONCE = 1_000


@dataclass(slots=True)
class Migration:
    """What a run did: `moved` subscriptions, and (subscription, reason) of those left out.

    `next_after` is where the next call goes on; None once nothing is left.
    """

    moved: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    next_after: str | None = None


def migrate(
    unit: Callable[[], AbstractContextManager[Unit]],
    plan_key: str,
    to_version: int,
    *,
    now: datetime,
    from_versions: Collection[int] | None = None,
    when: When = When.PERIOD_END,
    limit: int = 100,
    after: str = "",
) -> Migration:
    """Move up to `limit` subscriptions, by id from `after` on, that pin an older version (or those named) to a newer one.

    `unit` opens a transaction in the tenant's scope. Seats stay. At the period's end nothing is billed for the move itself; now, the rest
    of the period is shared out as for any change.
    """
    if not 1 <= limit <= MOST_AT_ONCE:
        raise InvalidError(f"move 1 to {MOST_AT_ONCE} subscriptions at a time", limit=limit)
    if when is When.AUTO:
        raise InvalidError("a migration happens now or at the period's end", when=when.value)
    with unit() as reading:
        target, old = _versions(reading, plan_key, to_version, from_versions)
        ids = SubscriptionStore(reading).pinned_to([each.id for each in old], after=after, limit=limit) if old else []
    report = Migration(next_after=ids[-1] if len(ids) == limit else None)
    for subscription_id in ids:
        try:
            with unit() as writing:
                moved = _move(writing, subscription_id, target, now, when)
        except UptierError as refused:
            report.skipped.append((subscription_id, refused.detail))
            continue
        if moved:
            report.moved.append(subscription_id)
        else:
            report.skipped.append((subscription_id, "it is set to move already"))
    return report


def _versions(
    unit: Unit, plan_key: str, to_version: int, from_versions: Collection[int] | None
) -> tuple[PlanVersion, list[PlanVersion]]:
    found = {version.number: version for version in CatalogStore(unit).versions(plan_key)}
    if to_version not in found:
        raise InvalidError(f"{plan_key!r} has no version {to_version}", plan=plan_key, version=to_version)
    wanted = {number for number in found if number < to_version} if from_versions is None else set(from_versions)
    missing = sorted(wanted - found.keys())
    if missing or to_version in wanted:
        raise InvalidError(
            f"name other versions of {plan_key!r} that there are to move from",
            plan=plan_key,
            from_versions=sorted(wanted),
        )
    return found[to_version], [found[number] for number in sorted(wanted)]


def _move(unit: Unit, subscription_id: str, target: PlanVersion, now: datetime, when: When) -> bool:
    store = SubscriptionStore(unit)
    subscription = store.lock(subscription_id)
    pinned = CatalogStore(unit).by_ids(subscription.version_ids)
    if target.id in pinned or any(step.version_id == target.id for step in subscription.scheduled):
        return False
    seats = next((item.seats for item in subscription.addons if item.plan_key == target.plan_key), subscription.seats)
    check_seats(target, seats)
    target.charges_in(subscription.currency)
    at = now if when is When.NOW or subscription.paused_at is not None else period_end(subscription)
    if at == now:
        check_billed(subscription, now)
        priced = price_pinned(subscription, target, pinned, at=now, seats=seats)
        if priced.effect is Effect.RESTART:
            raise ChangeRefusedError("the version renews by another interval; move it at the period's end")
        commit_change(unit, subscription, priced, at=now)
        return True
    _check_scheduled(subscription, target, at, now)
    step = ScheduledStep(kind=Scheduled.CHANGE, at=at, target=target.plan_key, version_id=target.id, seats=seats)
    after = with_step(subscription, step)
    store.save(after)
    record(unit, after, "scheduled", at=now)
    return True


def _check_scheduled(subscription: Subscription, target: PlanVersion, at: datetime, now: datetime) -> None:
    """Refuse to undo what the customer has set to happen: another plan is on its way."""
    check_moment(subscription, at, now)
    plans = [step for step in subscription.scheduled if step.kind is Scheduled.CHANGE]
    if target.kind is PlanKind.PLAN and plans:
        raise ChangeRefusedError("another change is scheduled already", subscription=subscription.id)
