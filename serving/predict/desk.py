"""Many decisions at once: each customer's card from memory, and one transaction for all that come while the one before is written.

An answer is given after the commit that holds its decision, never before. What a card gets wrong is found in that transaction, and the card
is read anew.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from billing.db.session import BusyError
from serving.gate.shared import Shared
from serving.intake.group_commit import GroupCommit, Limits
from serving.predict.asking import Ask, StaleCardError
from serving.predict.cards import read_card, read_shelf
from serving.predict.deciding import decide_together
from serving.predict.offer import bill_due
from serving.settings import quote_life_of
from serving.telemetry import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from serving.gate.cards import Cards
    from serving.predict.asking import Answered, Replay
    from serving.predict.cards import Card, Shelf
    from serving.wiring import Services

MOST_WAITING: Final = 2_000
MOST_TOGETHER: Final = 64
WAIT_SECONDS: Final = 0.003
_TRIES: Final = 4


class Desk:
    """Decides for one process; `close` returns when what was asked is answered."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._cards: Cards[Card, Shelf] = services.cards
        self._life = quote_life_of(services.settings)
        limits = Limits(queued_events=MOST_WAITING, flush_events=MOST_TOGETHER, flush_seconds=WAIT_SECONDS)
        self._commits = GroupCommit(services.database, self._decide, limits, name="decisions")
        self._readings: Shared[Card] = Shared()

    async def decide(
        self,
        scope: Scope,
        customer: str,
        *,
        placement: str,
        now: datetime,
        member: str | None = None,
        role: str | None = None,
        replay: Replay | None = None,
    ) -> Answered:
        """The decision for a customer (by key). Raises CustomerNotFoundError, BusyError, and what deciding refuses."""
        for _ in range(_TRIES):
            card = await self._card(scope, customer, now)
            ask = Ask(card=card, placement=placement, now=now, member=member, role=role, replay=replay)
            try:
                answered = await asyncio.wrap_future(self._commits.put(scope, ask))
            except StaleCardError:
                self._cards.drop(scope.tenant_id, customer)
                continue
            if answered.reason is not None:
                DECISIONS.labels(answered.reason).inc()
            return answered
        raise BusyError("this customer changes faster than an offer can be made; try again in a moment")

    def close(self) -> None:
        """Take no more, and return when what was asked is answered."""
        self._commits.close()

    def _decide(self, unit: Unit, asks: Sequence[Ask]) -> Sequence[Answered | Exception]:
        return decide_together(unit, asks, life=self._life)

    async def _card(self, scope: Scope, customer: str, now: datetime) -> Card:
        cards = self._cards
        held = partial(cards.held, scope.tenant_id, customer, now)
        found = held()
        if found is not None:
            return found
        return await self._readings.read((scope.tenant_id, customer), partial(self._read, scope, customer, now), held)

    def _read(self, scope: Scope, customer: str, now: datetime) -> Card:
        """A fresh card; a subscription with something due is billed first, in a transaction of its own."""
        card = self._read_once(scope, customer, now)
        if card.due_at is not None and card.due_at <= now:
            with self._services.database.unit(scope) as unit:
                bill_due(unit, self._services, customer, now=now)
            card = self._read_once(scope, customer, now)
        return card

    def _read_once(self, scope: Scope, customer: str, now: datetime) -> Card:
        cards = self._cards
        mark = cards.begin()
        with self._services.database.view(scope) as unit:
            card = read_card(unit, self._services, customer, self._shelf(unit, now), now=now)
        cards.keep(scope.tenant_id, customer, card, mark)
        return card

    def _shelf(self, unit: Unit, now: datetime) -> Shelf:
        cards = self._cards
        found = cards.shelf(unit.scope.tenant_id)
        if found is None:
            mark = cards.begin()
            found = read_shelf(unit, self._services, now=now)
            cards.keep_shelf(unit.scope.tenant_id, found, mark)
        return found
