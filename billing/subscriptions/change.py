"""Changing a subscription: to another plan, with an add-on, or in other seats; now, later, or at the price a quote promised.

Everything moves in one transaction: the lines that wait for the next invoice, the pinned version, the rights, the history. A change that
cuts a period off (`Changed.due`) is taken by billing, which the caller runs in the same unit: usage so far closes under the old versions.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.kernel.errors import ConflictError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.subscriptions.checks import check_running
from billing.subscriptions.commit import Changed, commit_change, commit_removal
from billing.subscriptions.fees import monthly_exact, recurs
from billing.subscriptions.history import record
from billing.subscriptions.lines_store import QuoteStore
from billing.subscriptions.preview import (
    Effect,
    check_billed,
    credit_lines,
    effect_of,
    preview_change,
    price_change,
    target_version,
)
from billing.subscriptions.schedule import check_moment, period_end, scheduled_versions, with_step, without_steps
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import ChangeRefusedError, Quote, Scheduled, ScheduledStep, Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.subscriptions.preview import ChangePreview


class QuoteExpiredError(ConflictError):
    """The promised price no longer holds; ask for a fresh quote."""

    code = "quote_expired"


class When(Enum):
    """At once, when the paid period ends, or by direction: what costs more a month at once, what costs less at the period's end."""

    NOW = "now"
    PERIOD_END = "period_end"
    AUTO = "auto"


def quote_change(
    unit: Unit, subscription_id: str, target: str | None, *, now: datetime, life: timedelta, seats: int | None = None
) -> Quote:
    """Promise the price of a change until `now + life`, or the end of the present period if that comes sooner."""
    subscription = SubscriptionStore(unit).get(subscription_id)
    check_billed(subscription, now)
    quote = promise(subscription, preview_change(unit, subscription, target, at=now, seats=seats), now=now, life=life)
    QuoteStore(unit).add(quote)
    return quote


def promise(subscription: Subscription, preview: ChangePreview, *, now: datetime, life: timedelta) -> Quote:
    """The quote of a previewed change, to be kept by who makes it. A change that starts the periods over is refused. Pure."""
    if preview.effect is Effect.RESTART:
        raise ChangeRefusedError(
            f"{preview.version.plan_key!r} starts the periods over, whose price no quote can hold; change at once instead",
            plan=preview.version.plan_key,
        )
    return Quote(
        id=new_id("quo"),
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        target=preview.version.plan_key,
        version_id=preview.version.id,
        seats=preview.seats,
        revision=subscription.revision,
        lines=tuple(line.to_document() for line in preview.lines),
        total=preview.total,
        recurring=preview.recurring,
        quoted_at=now,
        expires_at=min(now + life, period_end(subscription)),
    )


def accept_quote(unit: Unit, quote_id: str, *, now: datetime) -> Changed:
    """Change at the promised price; a second acceptance, a late one or one of a changed subscription is refused."""
    quotes = QuoteStore(unit)
    found = quotes.get(quote_id)
    subscription = SubscriptionStore(unit).lock(found.subscription_id)
    quote = quotes.get(quote_id)
    if quote.accepted_at is not None:
        raise QuoteExpiredError("this quote was accepted already", quote=quote.id)
    if now >= quote.expires_at:
        raise QuoteExpiredError("this quote has expired; ask for a fresh one", quote=quote.id)
    if quote.revision != subscription.revision or not subscription.is_running:
        raise QuoteExpiredError("the subscription has changed since this was quoted; ask again", quote=quote.id)
    known = CatalogStore(unit).by_ids({quote.version_id, *subscription.version_ids})
    pinned = {version_id: known[version_id] for version_id in subscription.version_ids}
    priced = price_change(subscription, known[quote.version_id], pinned, at=now, seats=quote.seats)
    quotes.accept(quote.id, now)
    return commit_change(unit, subscription, priced, at=now, quote_id=quote.id, documents=quote.lines)


def change(
    unit: Unit,
    subscription_id: str,
    target: str | None,
    *,
    now: datetime,
    when: When | datetime = When.NOW,
    seats: int | None = None,
) -> Changed:
    """Change now at the price of this moment, or schedule it: what `preview_change` says for its instant, to the cent.

    Asking for what the subscription has already takes back a change that was scheduled; without one it is refused.
    """
    subscription = SubscriptionStore(unit).lock(subscription_id)
    check_running(subscription)
    versions = CatalogStore(unit).by_ids({*subscription.version_ids, *scheduled_versions(subscription)})
    pinned = {version_id: versions[version_id] for version_id in subscription.version_ids}
    version = target_version(unit, subscription, pinned, target)
    if _takes_back(subscription, version, seats):
        kept = without_steps(subscription, versions, version)
        if kept.scheduled != subscription.scheduled:
            return _taken_back(unit, kept, now)
    if when is When.AUTO:
        when = direction_of(subscription, version, pinned, seats)
    if when is When.NOW:
        check_billed(subscription, now)
        priced = price_change(subscription, version, pinned, at=now, seats=seats)
        if priced.effect is Effect.RESTART and subscription.ends_at is not None:
            raise ChangeRefusedError("the subscription is ending; uncancel it first", subscription=subscription.id)
        base = subscription if priced.effect is Effect.ONCE else without_steps(subscription, versions, version)
        return commit_change(unit, base, priced, at=now)
    at = period_end(subscription) if isinstance(when, When) else when
    return _schedule(unit, subscription, {**versions, version.id: version}, version, at, seats, now)


def change_now(unit: Unit, subscription_id: str, target: str, *, now: datetime, seats: int | None = None) -> Changed:
    """Change at the price of this moment."""
    return change(unit, subscription_id, target, now=now, seats=seats)


def remove_addon(unit: Unit, subscription_id: str, addon: str, *, now: datetime, when: When = When.NOW) -> Changed:
    """Take an add-on off: now, with its unused time given back, or when the period ends."""
    subscription = SubscriptionStore(unit).lock(subscription_id)
    check_running(subscription)
    if addon not in {item.plan_key for item in subscription.addons}:
        raise ChangeRefusedError(f"{addon!r} is not an add-on of this subscription", addon=addon)
    zero = Money.zero(subscription.currency)
    if when is not When.NOW:
        at = period_end(subscription)
        check_moment(subscription, max(at, subscription.trial_ends_at or at), now)
        after = with_step(subscription, ScheduledStep(kind=Scheduled.REMOVE, at=at, target=addon))
        return _save_scheduled(unit, after, zero, now)
    check_billed(subscription, now)
    pinned = CatalogStore(unit).by_ids(subscription.version_ids)
    lines = credit_lines(subscription, pinned, now, only=addon)
    after = commit_removal(unit, subscription, addon, lines, at=now)
    return Changed(after, tuple(line.to_document() for line in lines), sum((line.amount for line in lines), zero))


def direction_of(
    subscription: Subscription, version: PlanVersion, pinned: Mapping[str, PlanVersion], seats: int | None
) -> When:
    """When a change happens by the policy of directions: what lowers the monthly price waits for the period's end."""
    held = {pinned[version_id].plan_key: (pinned[version_id], many) for version_id, many in subscription.items}
    current = held.get(subscription.plan_key if version.kind is PlanKind.PLAN else version.plan_key)
    if current is None or not recurs(version):
        return When.NOW
    before = monthly_exact(current[0], subscription.currency, current[1], subscription.facts)
    wanted = current[1] if seats is None else seats
    after = monthly_exact(version, subscription.currency, wanted, subscription.facts)
    if before == after and version.id == current[0].id and seats is not None:
        return When.PERIOD_END if seats < current[1] else When.NOW
    return When.PERIOD_END if after < before else When.NOW


def preview_at(
    unit: Unit,
    subscription: Subscription,
    target: str | None,
    *,
    now: datetime,
    when: When | datetime = When.NOW,
    seats: int | None = None,
) -> tuple[datetime, ChangePreview]:
    """(instant, what the change adds to the next invoice then): nothing but the new fees themselves at a period's end."""
    pinned = CatalogStore(unit).by_ids(subscription.version_ids)
    version = target_version(unit, subscription, pinned, target)
    if when is When.AUTO:
        when = direction_of(subscription, version, pinned, seats)
    if when is When.NOW:
        check_billed(subscription, now)
    at = now if when is When.NOW else period_end(subscription) if isinstance(when, When) else when
    priced = price_change(subscription, version, pinned, at=at, seats=seats)
    if at == period_end(subscription) and when is not When.NOW:
        priced = replace(priced, lines=(), waiting=(), total=Money.zero(subscription.currency))
    return at, priced


def _schedule(  # noqa: PLR0917 (the values of one decision, all of different kinds)
    unit: Unit,
    subscription: Subscription,
    versions: Mapping[str, PlanVersion],
    version: PlanVersion,
    at: datetime,
    seats: int | None,
    now: datetime,
) -> Changed:
    check_moment(subscription, at, now)
    pinned = {version_id: versions[version_id] for version_id in subscription.version_ids}
    priced = price_change(subscription, version, pinned, at=at, seats=seats)
    if effect_of(subscription, version, pinned[subscription.version_id], at) is Effect.ONCE:
        raise ChangeRefusedError(f"{version.plan_key!r} is bought once; take it now", plan=version.plan_key)
    step = ScheduledStep(
        kind=Scheduled.CHANGE, at=at, target=version.plan_key, version_id=version.id, seats=priced.seats
    )
    return _save_scheduled(unit, with_step(subscription, step, versions), Money.zero(subscription.currency), now)


def _save_scheduled(unit: Unit, after: Subscription, total: Money, now: datetime) -> Changed:
    SubscriptionStore(unit).save(after)
    record(unit, after, "scheduled", at=now)
    return Changed(after, (), total)


def _takes_back(subscription: Subscription, version: PlanVersion, seats: int | None) -> bool:
    """Whether what is asked for is what the subscription has."""
    held = {subscription.plan_key: subscription.seats}
    held.update((addon.plan_key, addon.seats) for addon in subscription.addons)
    return version.plan_key in held and seats in {None, held[version.plan_key]}


def _taken_back(unit: Unit, kept: Subscription, now: datetime) -> Changed:
    after = replace(kept, revision=kept.revision + 1)
    SubscriptionStore(unit).save(after)
    record(unit, after, "unscheduled", at=now)
    return Changed(after, (), Money.zero(after.currency))
