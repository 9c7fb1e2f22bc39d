"""Taking an offer at its promised price: what each kind changes, in the transaction that keeps the acceptance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.bundles.accept import accept_bundle
from billing.kernel.errors import ConflictError
from billing.kernel.money import Money
from billing.pricing.quote import money_document
from billing.subscriptions.cancel import uncancel
from billing.subscriptions.change import QuoteExpiredError, accept_quote
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.pause import pause_at_period_end
from billing.subscriptions.schedule import period_end
from billing.subscriptions.store import SubscriptionStore
from models.offers.context import OfferKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription
    from features.decisions.decision import Decision, Showing


class OfferGoneError(ConflictError):
    """There is no offer behind this decision that could be accepted."""

    code = "no_offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What accepting did: the subscription it changed or the invoice it made, and what it cost."""

    total: Money
    subscription: Subscription | None = None
    invoice_id: str | None = None

    def document(self) -> dict[str, Any]:
        """The part of the answer that says so."""
        found: dict[str, Any] = {"total": money_document(self.total)}
        if self.subscription is not None:
            found |= {"subscription": self.subscription.id, "plan": self.subscription.plan_key}
        if self.invoice_id is not None:
            found["invoice"] = self.invoice_id
        return found


def accept_offer(unit: Unit, decision: Decision, showing: Showing | None, *, now: datetime) -> Taken:
    """Do what a decision offered, at exactly its price. What expired, or whose subscription has changed since, is refused."""
    if decision.target is None:
        raise OfferGoneError("no offer was made, so there is nothing to accept", decision=decision.id)
    if decision.target_kind == OfferKind.BUNDLE.value and decision.quote_id is not None:
        sold = accept_bundle(unit, decision.quote_id, now=now)
        return Taken(total=sold.total, invoice_id=sold.invoice_id)
    if decision.quote_id is not None:
        changed = accept_quote(unit, decision.quote_id, now=now)
        after = changed.subscription
        if decision.target_kind == OfferKind.SAVE.value and after.ends_at is not None:
            after = uncancel(unit, after.id, now=now)
        return Taken(total=changed.total, subscription=after)
    saving: Mapping[str, Any] = (decision.offer or {}).get("saving", {})
    if not saving:
        raise OfferGoneError("no offer was made, so there is nothing to accept", decision=decision.id)
    return _stay(unit, decision, showing, saving, now)


def _stay(unit: Unit, decision: Decision, showing: Showing | None, saving: Mapping[str, Any], now: datetime) -> Taken:
    """A coupon or a pause; who had begun to leave goes on."""
    if decision.expires_at is None or now >= decision.expires_at:
        raise QuoteExpiredError("this offer has expired; ask for a fresh one", decision=decision.id)
    running = SubscriptionStore(unit).running_of([decision.customer_id]).get(decision.customer_id)
    if running is None or showing is None or running.revision != showing.revision:
        raise QuoteExpiredError("the subscription has changed since this was offered; ask again", decision=decision.id)
    running = SubscriptionStore(unit).lock(running.id)
    if running.ends_at is not None:
        running = uncancel(unit, running.id, now=now)
    if "coupon" in saving:
        redeem(unit, running.id, str(saving["coupon"]), now=now)
    else:
        days = timedelta(days=int(saving["pause_days"]))
        running = pause_at_period_end(unit, running.id, now=now, resume_at=period_end(running) + days)
    return Taken(total=Money.zero(running.currency), subscription=running)
