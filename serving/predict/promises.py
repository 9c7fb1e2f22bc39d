"""What an offer promises: the exact price of each kind until an instant, and the document that a customer is answered with.

Plans, add-ons and smaller plans are quoted as a change of the subscription, bundles as a sale; a coupon and a pause cost nothing now, and
say what a period comes to with them. Accepting is in `acceptance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.kernel.clock import format_instant
from billing.kernel.money import Money
from billing.pricing.quote import money_document
from billing.subscriptions.change import promise
from billing.subscriptions.preview import check_billed, price_change
from billing.subscriptions.schedule import period_end
from models.offers.context import OfferKind
from serving.predict.bundle_offer import quote_target

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from billing.bundles.bundle import BundleQuote
    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.subscriptions.subscription import Quote, Subscription
    from models.offers.context import Candidate
    from serving.predict.cards import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A price that holds until `expires_at`. `quote` waits to be stored with the decision; a bundle's is stored already.

    `revision` is the state of the subscription that the price is for, None where it hangs on none.
    """

    document: dict[str, Any]
    expires_at: datetime
    quote_id: str | None = None
    quote: Quote | None = None
    revision: int | None = None


def promise_of(unit: Unit, card: Card, candidate: Candidate, *, now: datetime, life: timedelta) -> Promise:
    """The promise of a candidate to a subscriber at `now`, for `life` or until the present period ends."""
    running, target = card.running, candidate.target
    assert running is not None  # noqa: S101 (targets are only made for subscribers)
    if target.kind == OfferKind.BUNDLE.value:
        return _of_bundle(quote_target(unit, card.customer.id, target, now=now, life=life), candidate)
    saving = target.saving or {}
    key = str(saving["plan"]) if "plan" in saving else target.key
    if not saving or "plan" in saving:
        check_billed(running, now)
        version = card.shelf.versions[key]
        quote = promise(running, price_change(running, version, card.pinned, at=now), now=now, life=life)
        return _of_change(quote, version, candidate)
    return _of_saving(running, card.pinned[running.version_id], candidate, now=now, life=life)


def _of_change(quote: Quote, version: PlanVersion, candidate: Candidate) -> Promise:
    priced = {
        "id": quote.id,
        "total": money_document(quote.total),
        "recurring": money_document(quote.recurring),
        "interval": version.interval,
        "interval_count": version.interval_count,
        "lines": [dict(line) for line in quote.lines],
    }
    return Promise(
        document=_document(candidate, priced, quote.expires_at),
        expires_at=quote.expires_at,
        quote_id=quote.id,
        quote=quote,
        revision=quote.revision,
    )


def _of_bundle(quote: BundleQuote, candidate: Candidate) -> Promise:
    priced = {
        "id": quote.id,
        "total": money_document(quote.total),
        "list_total": money_document(quote.list_total),
        "recurring": money_document(Money.zero(quote.currency)),
        "interval": None,
        "interval_count": None,
        "lines": [
            {
                "key": part.key,
                "description": part.name,
                "quantity": str(part.quantity),
                "amount": money_document(part.price),
                "list_amount": money_document(part.list_price),
            }
            for part in quote.parts
        ],
    }
    return Promise(
        document=_document(candidate, priced, quote.expires_at),
        expires_at=quote.expires_at,
        quote_id=quote.id,
        revision=quote.revision,
    )


def _of_saving(
    running: Subscription, plan: PlanVersion, candidate: Candidate, *, now: datetime, life: timedelta
) -> Promise:
    """Nothing is paid now: `recurring` is what the fees of a period come to with it."""
    expires_at = min(now + life, period_end(running))
    priced: dict[str, Any] = {
        "id": None,
        "total": money_document(Money.zero(running.currency)),
        "recurring": money_document(candidate.target.recurring),
        "interval": plan.interval,
        "interval_count": plan.interval_count,
        "lines": [],
    }
    return Promise(document=_document(candidate, priced, expires_at), expires_at=expires_at, revision=running.revision)


def _document(candidate: Candidate, priced: dict[str, Any], expires_at: datetime) -> dict[str, Any]:
    target = candidate.target
    document: dict[str, Any] = {
        "kind": target.kind,
        "target": target.key,
        "name": target.name,
        "quote": priced,
        "expires_at": format_instant(expires_at),
        "message": candidate.message,
        "reasons": [_reason(candidate)],
    }
    if target.saving is not None:
        document["saving"] = dict(target.saving)
    if target.parts:
        document["parts"] = list(target.parts)
    return document


def _reason(candidate: Candidate) -> dict[str, Any]:
    """What raised the offer: the signal with what was seen, else the rule and the feature it is about."""
    signal = candidate.signal
    if signal is None:
        return {"kind": candidate.rule, "subject": candidate.unlocks, "evidence": {}}
    return {"kind": signal.trigger, "subject": signal.subject, "evidence": dict(signal.evidence)}
