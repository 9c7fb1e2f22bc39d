"""From a customer to an offer in a transaction at hand: bill what is due, read the card, decide. Who serves many uses the desk instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.customers.store import CustomerStore
from billing.invoices.cycle import bill_subscription
from billing.subscriptions.store import SubscriptionStore
from features.contact.consent import OPTED_OUT
from serving.predict.acceptance import OfferGoneError
from serving.predict.asking import Ask
from serving.predict.cards import read_card, read_shelf
from serving.predict.deciding import decide_together
from serving.predict.outcomes import OUTCOMES, record_outcome
from serving.settings import grace_of, quote_life_of
from serving.telemetry import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from serving.wiring import Services

__all__ = ["OPTED_OUT", "OUTCOMES", "OfferGoneError", "make_decision", "record_outcome"]


def make_decision(
    unit: Unit,
    services: Services,
    customer_key: str,
    *,
    placement: str,
    now: datetime,
    member: str | None = None,
    role: str | None = None,
) -> dict[str, Any]:
    """Decide for one customer at one placement and keep the decision; the answer is the decision document."""
    bill_due(unit, services, customer_key, now=now)
    card = read_card(unit, services, customer_key, read_shelf(unit, services, now=now), now=now)
    ask = Ask(card=card, placement=placement, now=now, member=member, role=role)
    (answered,) = decide_together(unit, [ask], life=quote_life_of(services.settings))
    if isinstance(answered, Exception):
        raise answered
    DECISIONS.labels(answered.reason).inc()
    return dict(answered.document)


def make_decisions(
    unit: Unit, services: Services, customer_keys: Sequence[str], *, placement: str, now: datetime
) -> list[dict[str, Any]]:
    """The same for many customers in one transaction, in their order; the shelf they share is read once."""
    for key in customer_keys:
        bill_due(unit, services, key, now=now)
    shelf = read_shelf(unit, services, now=now)
    cards = [read_card(unit, services, key, shelf, now=now) for key in customer_keys]
    asks = [Ask(card=card, placement=placement, now=now) for card in cards]
    documents = []
    for answered in decide_together(unit, asks, life=quote_life_of(services.settings)):
        if isinstance(answered, Exception):
            raise answered
        DECISIONS.labels(answered.reason).inc()
        documents.append(dict(answered.document))
    return documents


def bill_due(unit: Unit, services: Services, customer_key: str, *, now: datetime) -> None:
    """Bill the customer's subscription up to now: a price is only promised for a period whose fees were asked for."""
    customer = CustomerStore(unit).get(customer_key)
    found = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    if found is not None:
        bill_subscription(unit, found.id, now=now, grace=grace_of(services.settings))
