"""Deciding for one or many customers of a tenant in one transaction: the one way in which every decision is made, whoever asks.

Who decides holds the customers' lock and reads from rows what may not be stale: places under the caps, what came of past offers, consent,
and the state of the subscription. From there the decision is a pure function of the card and these; decision, quote, place and exposures
are written together. Asks of one customer in one transaction see each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from billing.customers.store import CustomerStore
from billing.db.replay import Answer, recall, remember
from billing.kernel.errors import UptierError
from billing.kernel.ids import new_id
from billing.subscriptions.lines_store import QuoteStore
from billing.subscriptions.store import SubscriptionStore
from features.contact.consent import CHANNELS
from features.contact.store import ContactStore
from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from features.experiments.exposures_store import ExposureStore
from models.offers.decide import decide
from serving.predict.asking import Answered, StaleCardError, context_of
from serving.predict.decided import answer_of, decision_of, exposures_of, place_of
from serving.predict.keep_signals import keep_all
from serving.predict.outcomes import longest_window
from serving.predict.promises import promise_of
from serving.predict.trials import kept_arms, trials_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.db.session import Unit
    from billing.subscriptions.subscription import Quote
    from features.decisions.decision import Decision, Showing
    from features.experiments.exposures_store import Exposed
    from models.offers.context import Choice, Trial
    from serving.predict.asking import Ask
    from serving.predict.cards import Card

MEMORY: Final = timedelta(days=90)
"""How far back offers weigh on a decision."""


def decide_together(unit: Unit, asks: Sequence[Ask], *, life: timedelta) -> list[Answered | Exception]:
    """The answer to each ask, in order; what one of them cannot have is an error of it alone. `life` is how long a price holds.

    A StaleCardError asks for a fresh card.
    """
    return _Deciding(unit, asks, life).run()


@dataclass(slots=True)
class _Written:
    """What a transaction will write."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    quotes: list[Quote] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    renewed: set[str] = field(default_factory=set)
    exposures: list[Exposed] = field(default_factory=list)


class _Deciding:
    """One transaction's decisions. `_history` has each customer's showings by decision, those of this transaction too."""

    def __init__(self, unit: Unit, asks: Sequence[Ask], life: timedelta) -> None:
        self._unit, self._asks, self._life = unit, asks, life
        self._showings = ShowingStore(unit)
        self._written = _Written()
        self._history: dict[str, dict[str, Showing]] = {}
        self._everybody: dict[timedelta, int] = {}
        self._left_alone: set[tuple[str, str]] = set()
        self._open: Mapping[str, tuple[str, Mapping[str, Any] | None]] | None = None

    def run(self) -> list[Answered | Exception]:
        ids = {ask.card.customer.id for ask in self._asks}
        is_capped = any(ask.card.shelf.policy.caps.tenant is not None for ask in self._asks)
        self._showings.lock(ids, everybody=is_capped)
        stale = self._stale()
        self._left_alone = self._unsubscribed()
        memory = max(MEMORY, *(longest_window(ask.card.shelf.policy) for ask in self._asks))
        found = self._showings.of_customers(ids, min(ask.now for ask in self._asks) - memory)
        self._history = {each: {one.decision_id: one for one in found.get(each, ())} for each in ids}
        answers: list[Answered | Exception] = []
        for ask in self._asks:
            try:
                answers.append(StaleCardError() if ask.card.customer.id in stale else self._answer(ask))
            except UptierError as error:
                answers.append(error)
        self._write()
        return answers

    def _stale(self) -> set[str]:
        """Customers (by id) whose consents or subscription are not what their card says."""
        cards = {ask.card.customer.id: ask.card for ask in self._asks}
        consents = CustomerStore(self._unit).consents_of(cards)
        revisions = SubscriptionStore(self._unit).revisions_of(cards)
        return {
            customer
            for customer, card in cards.items()
            if consents.get(customer) != card.customer.consents or revisions.get(customer) != _state(card)
        }

    def _unsubscribed(self) -> set[tuple[str, str]]:
        """(customer, placement) where the placement is a channel, such as e-mail, on which the customer wants to hear no more."""
        asked = {(ask.card.customer.id, ask.placement) for ask in self._asks if ask.placement in CHANNELS}
        contact = ContactStore(self._unit)
        return {
            (customer, channel)
            for channel in {placement for _, placement in asked}
            for customer in contact.silenced([who for who, where in asked if where == channel], channel)
        }

    def _answer(self, ask: Ask) -> Answered:
        replay = ask.replay
        if replay is not None:
            known = recall(self._unit, replay.key, replay.fingerprint)
            if known is not None:
                return Answered(document=known.body, reason=None)
        decision_id, card = new_id("dec"), ask.card
        history = tuple(self._history[card.customer.id].values())
        context = context_of(ask, decision_id, history, self._trials(ask), self._tenant_shown(ask))
        if (card.customer.id, ask.placement) in self._left_alone:
            context = replace(context, is_left_alone=True)
        choice = decide(context)
        if choice.repeat is None:
            decision = self._new(ask, choice, decision_id)
            document = answer_of(decision_id, decision.reason, decision.offer, choice.wall)
        else:
            document = answer_of(choice.repeat.id, *self._again(ask, choice.repeat.id), choice.wall)
        if replay is not None:
            remember(self._unit, replay.key, replay.fingerprint, Answer(200, document), replay.at)
        return Answered(document=document, reason=choice.reason)

    def _trials(self, ask: Ask) -> tuple[Trial, ...]:
        running, key = ask.card.shelf.experiments_of(ask.placement), ask.card.customer.key
        if not running or ask.card.is_held_out:
            return ()
        return trials_of(running, key, ask.member, kept=kept_arms(self._unit, running, key, ask.member))

    def _tenant_shown(self, ask: Ask) -> int:
        cap = ask.card.shelf.policy.caps.tenant
        if cap is None:
            return 0
        if cap.window not in self._everybody:
            self._everybody[cap.window] = self._showings.count_all(ask.now - cap.window, ask.now)
        return self._everybody[cap.window]

    def _again(self, ask: Ask, decision_id: str) -> tuple[str, Mapping[str, Any] | None]:
        """An open decision as it was answered; its place is reserved anew where it was not seen yet."""
        mine = self._history[ask.card.customer.id]
        showing = mine[decision_id]
        if showing.confirmed_at is None:
            self._count_everywhere(0 if showing.counts_at(ask.now) else 1)
            mine[decision_id] = showing.again(ask.now)
            self._written.renewed.add(decision_id)
        fresh = self._written.decisions.get(decision_id)
        return self._opened()[decision_id] if fresh is None else (fresh.reason, fresh.offer)

    def _opened(self) -> Mapping[str, tuple[str, Mapping[str, Any] | None]]:
        """The decisions that may be answered again, read at the first that is."""
        if self._open is None:
            since = min(ask.now for ask in self._asks)
            rows = [one for each in self._history.values() for one in each.values()]
            ids = [one.decision_id for one in rows if one.open_until is not None and one.open_until > since]
            self._open = DecisionStore(self._unit).answers(ids)
        return self._open

    def _new(self, ask: Ask, choice: Choice, decision_id: str) -> Decision:
        promise = None
        if choice.candidate is not None:
            promise = promise_of(self._unit, ask.card, choice.candidate, now=ask.now, life=self._life)
            self._written.quotes += [] if promise.quote is None else [promise.quote]
        decision = decision_of(ask, choice, promise, decision_id)
        self._written.decisions[decision_id] = decision
        place = place_of(ask, choice, promise, decision_id)
        if place is not None:
            self._history[decision.customer_id][decision_id] = place
            self._written.places.append(decision_id)
            self._count_everywhere(0 if place.is_counterfactual else 1)
        self._written.exposures += exposures_of(ask, choice, decision_id)
        return decision

    def _count_everywhere(self, more: int) -> None:
        self._everybody = {window: count + more for window, count in self._everybody.items()}

    def _write(self) -> None:
        written = self._written
        QuoteStore(self._unit).add_many(written.quotes)
        DecisionStore(self._unit).add_many(list(written.decisions.values()))
        showings = {each: showing for mine in self._history.values() for each, showing in mine.items()}
        self._showings.add_many([showings[each] for each in written.places])
        self._showings.renew([showings[each] for each in sorted(written.renewed.difference(written.places))])
        if written.exposures:
            ExposureStore(self._unit).add(written.exposures)
        self._keep_signals()

    def _keep_signals(self) -> None:
        """What was seen for the first time is kept with the first decision that saw it."""
        asks = {ask.card.customer.id: ask for ask in self._asks if ask.card.seen.fresh}
        for customer_id, ask in asks.items():
            keep_all(self._unit, [(customer_id, fired) for fired in ask.card.seen.fresh], now=ask.now)


def _state(card: Card) -> tuple[str, int] | None:
    return None if card.running is None else (card.running.id, card.running.revision)
