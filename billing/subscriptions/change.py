"""Changing a subscription now: to another plan or with an add-on, at the present price or at the price a quote promised.

Everything moves in one transaction: the lines that wait for the next invoice, the pinned version, the rights, the history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from billing.catalog.plan import PlanKind
from billing.catalog.store import CatalogStore
from billing.entitlements.store import GrantStore
from billing.kernel.errors import ConflictError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.subscriptions.history import record
from billing.subscriptions.lines_store import PendingLineStore, QuoteStore
from billing.subscriptions.preview import preview_change
from billing.subscriptions.rights import grants_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import AddonItem, PendingLine, Quote, Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit


class QuoteExpiredError(ConflictError):
    """The promised price no longer holds; ask for a fresh quote."""

    code = "quote_expired"


@dataclass(frozen=True, slots=True)
class Changed:
    """The subscription after a change, and the lines (as documents) that the next invoice will carry for it."""

    subscription: Subscription
    lines: tuple[Mapping[str, Any], ...]
    total: Money


def quote_change(unit: Unit, subscription_id: str, target: str, *, now: datetime, life: timedelta) -> Quote:
    """Promise the price of a change until `now + life`, or the end of the present period if that comes sooner."""
    subscription = SubscriptionStore(unit).get(subscription_id)
    preview = preview_change(unit, subscription, target, at=now)
    quote = Quote(
        id=new_id("quo"),
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        target=target,
        version_id=preview.version.id,
        revision=subscription.revision,
        lines=tuple(line.to_document() for line in preview.lines),
        total=preview.total,
        recurring=preview.recurring,
        quoted_at=now,
        expires_at=min(now + life, subscription.cadence.period_at(now).end),
    )
    QuoteStore(unit).add(quote)
    return quote


def change_now(unit: Unit, subscription_id: str, target: str, *, now: datetime) -> Changed:
    """Change at the price of this moment: what `preview_change` says for `now`, to the cent."""
    subscription = SubscriptionStore(unit).lock(subscription_id)
    preview = preview_change(unit, subscription, target, at=now)
    documents = tuple(line.to_document() for line in preview.lines)
    return _commit(unit, subscription, preview.version, documents, key=new_id("chg"), quote_id=None, now=now)


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
    version = CatalogStore(unit).by_ids([quote.version_id])[quote.version_id]
    quotes.accept(quote.id, now)
    return _commit(unit, subscription, version, quote.lines, key=quote.id, quote_id=quote.id, now=now)


def _commit(
    unit: Unit,
    before: Subscription,
    version: PlanVersion,
    documents: Sequence[Mapping[str, Any]],
    *,
    key: str,
    quote_id: str | None,
    now: datetime,
) -> Changed:
    after = _moved(before, version, now)
    amounts = [Money.of(document["amount"]["amount"], document["amount"]["currency"]) for document in documents]
    PendingLineStore(unit).add(
        PendingLine(
            key=f"change:{key}:{position}",
            subscription_id=before.id,
            customer_id=before.customer_id,
            version_id=version.id,
            quote_id=quote_id,
            document=document,
            amount=amount,
            created_at=now,
        )
        for position, (document, amount) in enumerate(zip(documents, amounts, strict=True))
    )
    SubscriptionStore(unit).save(after)
    if version.kind is PlanKind.PLAN:
        GrantStore(unit).end(before.id, now, source_key=before.plan_key)
    GrantStore(unit).add(grants_of(version, after, now))
    record(unit, after, "changed", at=now)
    return Changed(after, tuple(documents), sum(amounts, Money.zero(before.currency)))


def _moved(subscription: Subscription, version: PlanVersion, now: datetime) -> Subscription:
    if version.kind is PlanKind.PLAN:
        return replace(
            subscription, plan_key=version.plan_key, version_id=version.id, revision=subscription.revision + 1
        )
    addon = AddonItem(plan_key=version.plan_key, version_id=version.id, started_at=now)
    return replace(subscription, addons=(*subscription.addons, addon), revision=subscription.revision + 1)
