"""Asking for feedback sparingly, and taking it: who may be asked now, and what customers' words raise.

Being asked is capped like an offer: once in thirty days, never in quiet hours, in the first days, without the consent that offers need, or
while something holds offers back. The holdout is asked like everybody, since what they say is what others are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.catalog.products.store import ProductStore
from billing.customers.store import CustomerStore
from billing.entitlements.store import GrantStore
from billing.kernel.errors import ConflictError
from billing.kernel.ids import new_id
from billing.subscriptions.store import SubscriptionStore
from features.decisions.decision import DecisionNotFoundError
from features.decisions.store import DecisionStore
from features.feedback.feedback import ASK_EVERY, Feedback, FeedbackError
from features.feedback.store import AskStore, FeedbackStore
from features.offers.policy import is_quiet
from features.offers.store import OfferPolicyStore
from features.signals.setup.store import SetupStore
from models.triggers.facts import Facts, Words
from models.triggers.registry import fire
from models.triggers.rules.missing_function import MissingFunction
from serving.predict.keep_signals import keep_signals
from serving.predict.signals import negatives_of
from serving.predict.told import Sold

if TYPE_CHECKING:
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit

PLACEMENT: Final = "feedback"
"""The name by which a policy switches asking off."""
MOST_A_DAY: Final = 20
_SAID_IN: Final = "feedback"


class TooMuchFeedbackError(ConflictError):
    """A customer said more in a day than anybody reads."""

    code = "too_much_feedback"


@dataclass(frozen=True, slots=True)
class MayAsk:
    """Whether to ask now, the reason's code (`asked`, or what is in the way), and when it is worth trying again, where that is known."""

    ask: bool
    reason: str
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody said: about which thing, on which scale, and why."""

    about_kind: str
    about: str
    rating: int
    scale: int
    reason: str = ""
    member: str | None = None


def may_ask(unit: Unit, customer: Customer, *, now: datetime) -> MayAsk:
    """Whether this customer may be asked now; looks only."""
    in_the_way = _in_the_way(unit, customer, now)
    if in_the_way is not None:
        return in_the_way
    asked_at = AskStore(unit).asked_at(customer.id)
    if asked_at is not None and now < asked_at + ASK_EVERY:
        return MayAsk(ask=False, reason="asked_lately", again_at=asked_at + ASK_EVERY)
    return MayAsk(ask=True, reason="asked")


def take_turn(unit: Unit, customer: Customer, *, now: datetime) -> MayAsk:
    """The same, and if they may be asked, they were: two tabs that try at once ask once."""
    found = may_ask(unit, customer, now=now)
    if found.ask and not AskStore(unit).take_turn(customer.id, now):
        return MayAsk(ask=False, reason="asked_lately", again_at=now + ASK_EVERY)
    return found


def give_feedback(unit: Unit, customer: Customer, said: Said, *, now: datetime) -> Feedback:
    """Keep what a customer said. Words that name what they do not have raise a signal at once."""
    customer = CustomerStore(unit).lock(customer.id)
    _require_known(unit, customer, said)
    feedback = Feedback(
        id=new_id("fbk"),
        customer_id=customer.id,
        member=said.member,
        about_kind=said.about_kind,
        about=said.about,
        rating=said.rating,
        high=said.scale,
        reason=said.reason,
        at=now,
    )
    if FeedbackStore(unit).count_since(customer.id, now - timedelta(days=1)) >= MOST_A_DAY:
        raise TooMuchFeedbackError(f"a customer may say {MOST_A_DAY} things a day; try again tomorrow", most=MOST_A_DAY)
    FeedbackStore(unit).add(feedback)
    if feedback.reason.strip():
        _listen(unit, customer, feedback, now)
    return feedback


def _in_the_way(unit: Unit, customer: Customer, now: datetime) -> MayAsk | None:
    policy = OfferPolicyStore(unit).get()
    if policy.stops(PLACEMENT):
        return MayAsk(ask=False, reason="killed")
    if policy.consent and policy.consent not in customer.consents:
        return MayAsk(ask=False, reason="no_consent")
    running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    negatives = negatives_of(unit, customer.id, running, SetupStore(unit).read(now)[1], now=now)
    if negatives:
        return MayAsk(ask=False, reason=negatives[0].kind, again_at=negatives[0].until)
    known_since = customer.created_at + timedelta(days=policy.first_days)
    if now < known_since:
        return MayAsk(ask=False, reason="grace", again_at=known_since)
    return MayAsk(ask=False, reason="quiet_hours") if is_quiet(now, customer.zone, policy.quiet) else None


def _require_known(unit: Unit, customer: Customer, said: Said) -> None:
    """What is said of decisions, offers and products names one that there is; a decision of another customer is none."""
    if said.about_kind in {"decision", "offer"}:
        decision = DecisionStore(unit).get(said.about)
        if decision.customer_id != customer.id:
            raise DecisionNotFoundError(f"there is no decision {said.about[:60]!r}", decision=said.about[:60])
    elif said.about_kind == "product" and said.about not in ProductStore(unit).by_keys([said.about]):
        raise FeedbackError(f"there is no product {said.about[:60]!r}", about=said.about[:60])


def _listen(unit: Unit, customer: Customer, feedback: Feedback, now: datetime) -> None:
    settings, _ = SetupStore(unit).read(now)
    running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    facts = Facts(
        now=now,
        settings=settings,
        words=(Words(text=feedback.reason, said_in=_SAID_IN, at=now),),
        missing=Sold.read(unit, settings).missing(GrantStore(unit).of_customer(customer.id, now), running),
    )
    keep_signals(unit, customer.id, fire(facts, [MissingFunction()]), now=now)
