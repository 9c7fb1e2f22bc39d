"""Writing a change down: its lines wait for the next invoice, the versions are pinned, the rights move, the history says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.entitlements.store import GrantStore
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.subscriptions.history import record
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.preview import Effect
from billing.subscriptions.rights import bought_rights, grants_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import PendingLine, Scheduled, ScheduledStep, Subscription
from billing.subscriptions.turn import with_addon

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.pricing.quote import PricedLine
    from billing.subscriptions.preview import ChangePreview


@dataclass(frozen=True, slots=True)
class Changed:
    """The subscription after a change, and the lines (as documents) that the next invoice will carry for it.

    `due` says that billing has to take the change at once: the period is cut off at its instant.
    """

    subscription: Subscription
    lines: tuple[Mapping[str, Any], ...]
    total: Money
    due: bool = False


def commit_change(
    unit: Unit,
    before: Subscription,
    priced: ChangePreview,
    *,
    at: datetime,
    quote_id: str | None = None,
    documents: Sequence[Mapping[str, Any]] | None = None,
) -> Changed:
    """Take a priced change at `at`; `documents` are the promised lines of a quote, which then count instead of the present ones."""
    shown = tuple(line.to_document() for line in priced.lines) if documents is None else tuple(documents)
    waiting = tuple(line.to_document() for line in priced.waiting) if documents is None else shown
    version = priced.version
    add_waiting(unit, before, [(version.id, each) for each in waiting], key=quote_id, quote_id=quote_id, at=at)
    after = _after(before, priced, at)
    SubscriptionStore(unit).save(after)
    if priced.effect is Effect.ONCE:
        GrantStore(unit).add(bought_rights(version, after, at))
    elif priced.effect is not Effect.RESTART:
        _move_rights(unit, before, after, version, at)
    if priced.effect is not Effect.RESTART:
        record(unit, after, "changed", at=at)
    amounts = [_amount(document) for document in shown]
    return Changed(after, shown, sum(amounts, Money.zero(before.currency)), due=priced.effect is Effect.RESTART)


def commit_removal(
    unit: Unit, before: Subscription, addon: str, lines: Sequence[PricedLine], *, at: datetime
) -> Subscription:
    """Take an add-on off at `at`, with what is given back for it."""
    version_id = next(item.version_id for item in before.addons if item.plan_key == addon)
    add_waiting(unit, before, [(version_id, line.to_document()) for line in lines], at=at)
    after = replace(
        before,
        addons=tuple(item for item in before.addons if item.plan_key != addon),
        scheduled=tuple(step for step in before.scheduled if step.target != addon),
        revision=before.revision + 1,
    )
    SubscriptionStore(unit).save(after)
    GrantStore(unit).end(before.id, at, source_key=addon)
    record(unit, after, "changed", at=at)
    return after


def add_waiting(
    unit: Unit,
    subscription: Subscription,
    documents: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    at: datetime,
    key: str | None = None,
    quote_id: str | None = None,
) -> None:
    """(version id, line document) pairs wait for the next invoice."""
    stem = key or new_id("chg")
    PendingLineStore(unit).add(
        PendingLine(
            key=f"change:{stem}:{position}",
            subscription_id=subscription.id,
            customer_id=subscription.customer_id,
            version_id=version_id,
            quote_id=quote_id,
            document=document,
            amount=_amount(document),
            created_at=at,
        )
        for position, (version_id, document) in enumerate(documents)
    )


def _after(before: Subscription, priced: ChangePreview, at: datetime) -> Subscription:
    version = priced.version
    base = replace(before, revision=before.revision + 1)
    if priced.effect is Effect.ONCE:
        return base
    if priced.effect is Effect.RESTART:
        step = ScheduledStep(
            kind=Scheduled.CHANGE, at=at, target=version.plan_key, version_id=version.id, seats=priced.seats
        )
        return replace(base, scheduled=(step, *base.scheduled))
    if version.kind is PlanKind.ADDON:
        return with_addon(base, version.plan_key, version.id, seats=priced.seats, at=at)
    moved = replace(base, plan_key=version.plan_key, version_id=version.id, seats=priced.seats)
    if version.id != before.version_id:
        moved = replace(moved, phase_from=before.billed_periods - (0 if priced.effect is Effect.FREE else 1))
    if priced.effect is Effect.FREE:
        old = before.cadence
        return replace(moved, cadence=Cadence(old.anchor, Interval(version.interval), version.interval_count, old.zone))
    return moved


def _move_rights(unit: Unit, before: Subscription, after: Subscription, version: PlanVersion, at: datetime) -> None:
    """End the rights of what went and give those of what came; none while paused, and all anew where the periods changed."""
    if after.paused_at is not None:
        return
    grants = GrantStore(unit)
    if after.cadence != before.cadence:
        for key in (before.plan_key, *(addon.plan_key for addon in before.addons)):
            grants.end(before.id, at, source_key=key)
        versions = CatalogStore(unit).by_ids(after.version_ids)
        given = [grant for each in after.version_ids for grant in grants_of(versions[each], after, at)]
    else:
        grants.end(before.id, at, source_key=before.plan_key if version.kind is PlanKind.PLAN else version.plan_key)
        given = grants_of(version, after, at)
    grants.add(given)


def _amount(document: Mapping[str, Any]) -> Money:
    return Money.of(document["amount"]["amount"], document["amount"]["currency"])
