"""Ending a subscription: when the paid period ends, at an instant, or now; and taking that back before it has happened.

Rights end at the end, whether or not billing runs that day. The final invoice has the usage so far; unused time is given back when asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.entitlements.store import GrantStore
from billing.kernel.errors import InvalidError
from billing.subscriptions.checks import check_running
from billing.subscriptions.commit import add_waiting
from billing.subscriptions.history import record
from billing.subscriptions.preview import check_billed, credit_lines
from billing.subscriptions.rights import BOUGHT
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import ChangeRefusedError, Status, Subscription
from billing.subscriptions.turn import in_trial

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit

VOLUNTARY, PAYMENT = "voluntary", "payment"


def cancel_at_period_end(unit: Unit, subscription_id: str, *, now: datetime, reason: str = VOLUNTARY) -> Subscription:
    """Let a subscription run out; asking twice changes nothing. A trial ends with the trial, a paused one at once."""
    subscription = SubscriptionStore(unit).lock(subscription_id)
    if subscription.status is Status.CANCELLING:
        return subscription
    if not subscription.is_running:
        raise ChangeRefusedError("the subscription has ended already", subscription=subscription.id)
    return _cancel(unit, subscription, _paid_until(subscription, now), now, reason)


def cancel_at(
    unit: Unit, subscription_id: str, at: datetime, *, now: datetime, reason: str = VOLUNTARY
) -> Subscription:
    """End at an instant to come: periods that begin before it are billed whole."""
    subscription = SubscriptionStore(unit).lock(subscription_id)
    check_running(subscription)
    if at <= now:
        raise InvalidError("a subscription ends now or at an instant to come", at=at.isoformat())
    if subscription.paused_at is not None:
        raise ChangeRefusedError("a paused subscription pays for nothing; cancel it now", subscription=subscription.id)
    return subscription if subscription.ends_at == at else _cancel(unit, subscription, at, now, reason)


def cancel_now(
    unit: Unit, subscription_id: str, *, now: datetime, credit: bool = False, reason: str = VOLUNTARY
) -> Subscription:
    """End at `now`: the caller runs billing, which closes the usage so far and, with `credit`, gives unused time back."""
    subscription = SubscriptionStore(unit).lock(subscription_id)
    check_running(subscription)
    if credit:
        check_billed(subscription, now)
        give_back(unit, subscription, now)
    return _cancel(unit, subscription, now, now, reason)


def uncancel(unit: Unit, subscription_id: str, *, now: datetime) -> Subscription:
    """Go on as if it had not been cancelled; refused once it has ended."""
    subscription = SubscriptionStore(unit).lock(subscription_id)
    check_running(subscription)
    if subscription.ends_at is None:
        raise ChangeRefusedError("the subscription is not cancelled", subscription=subscription.id)
    if subscription.ends_at <= now:
        raise ChangeRefusedError("the subscription has ended; start a new one", subscription=subscription.id)
    status = Status.TRIALING if in_trial(subscription, now) else Status.ACTIVE
    after = replace(subscription, status=status, ends_at=None, revision=subscription.revision + 1)
    SubscriptionStore(unit).save(after)
    GrantStore(unit).reopen(after.id, subscription.ends_at, bought=BOUGHT)
    record(unit, after, "uncancelled", at=now)
    return after


def give_back(unit: Unit, subscription: Subscription, now: datetime) -> None:
    """The unused time of everything paid for waits as credit for the next invoice."""
    versions = CatalogStore(unit).by_ids(subscription.version_ids)
    lines = credit_lines(subscription, versions, now)
    documents = [(subscription.version_id, line.to_document()) for line in lines]
    add_waiting(unit, subscription, documents, at=now)


def _paid_until(subscription: Subscription, now: datetime) -> datetime:
    if subscription.paused_at is not None:
        return now
    if in_trial(subscription, now):
        return subscription.cadence.anchor
    return subscription.cadence.period_at(now).end


def _cancel(unit: Unit, subscription: Subscription, at: datetime, now: datetime, reason: str) -> Subscription:
    after = replace(subscription, status=Status.CANCELLING, ends_at=at, revision=subscription.revision + 1)
    SubscriptionStore(unit).save(after)
    if subscription.ends_at is not None:
        GrantStore(unit).reopen(after.id, subscription.ends_at, bought=BOUGHT)
    GrantStore(unit).end(after.id, at)
    record(unit, after, "cancelled", at=now, reason=reason)
    return after
