"""A shop with a subscriber, asked for offers as a route would ask, on any engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.kernel.clock import FrozenClock
from billing.metering.ingest import ingest
from billing.subscriptions.subscribe import subscribe
from features.decisions.showing_store import ShowingStore
from features.offers.change import put_policy
from serving.predict.asking import Ask
from serving.predict.cards import read_card, read_shelf
from serving.predict.deciding import decide_together
from serving.predict.denials import note_denial
from serving.predict.offer import bill_due, make_decision, record_outcome
from serving.settings import Settings, quote_life_of
from serving.wiring import Services, build
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from billing.db.session import Database
    from features.decisions.decision import Showing
    from features.offers.policy import OfferPolicy
    from serving.predict.cards import Card


@dataclass(frozen=True, slots=True)
class Front:
    """A shop whose customers subscribe to Starter at START, with nobody held out."""

    services: Services
    shop: Shop
    subscriptions: dict[str, str]

    def ask(
        self, now: datetime, placement: str = "account", *, customer: str = "ann", member: str | None = None
    ) -> dict[str, Any]:
        """A decision."""
        with self.services.database.unit(self.shop.scope) as unit:
            return make_decision(unit, self.services, customer, placement=placement, now=now, member=member)

    def card(self, customer: str, now: datetime) -> Card:
        """What a process would keep of a customer, whose subscription is billed up to then."""
        with self.services.database.unit(self.shop.scope) as unit:
            bill_due(unit, self.services, customer, now=now)
        with self.services.database.view(self.shop.scope) as unit:
            return read_card(unit, self.services, customer, read_shelf(unit, self.services, now=now), now=now)

    def decide(
        self, card: Card, now: datetime, placement: str = "account", member: str | None = None
    ) -> dict[str, Any]:
        """A decision from a card that is kept, as the desk makes it: nothing but the lock keeps others away."""
        ask = Ask(card=card, placement=placement, now=now, member=member)
        with self.services.database.unit(self.shop.scope) as unit:
            (answered,) = decide_together(unit, [ask], life=quote_life_of(self.services.settings))
        assert not isinstance(answered, Exception), answered
        return dict(answered.document)

    def tell(self, decision: str, kind: str, now: datetime) -> dict[str, Any]:
        """An outcome."""
        with self.services.database.unit(self.shop.scope) as unit:
            return record_outcome(unit, decision, kind, customer_id=None, now=now)

    def use_all(self, customer: str = "ann") -> None:
        """All three deliveries of Starter."""
        with self.services.database.unit(self.shop.scope) as unit:
            ingest(unit, [delivery(customer, f"{customer}-{number}", START) for number in range(3)], now=START)

    def refuse(self, feature: str, customer: str = "ann", at: datetime = START) -> None:
        """The gate refused a feature."""
        note_denial(self.services.counters, self.shop.scope.tenant_id, customer, feature, now=at)

    def places(self, customer_id: str, now: datetime, window: timedelta) -> list[Showing]:
        """The places of a customer that count now and were taken within a window."""
        with self.services.database.view(self.shop.scope) as unit:
            found = ShowingStore(unit).of_customers([customer_id], now - 2 * window).get(customer_id, [])
        return [each for each in found if each.counts_at(now) and each.taken_at > now - window]


def open_front(
    database: Database, home: Path, policy: OfferPolicy, *, customers: tuple[str, ...] = ("ann",), **options: Any
) -> Front:
    """The shop over a migrated database."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(
        home=home, database_url=url, mlflow_uri="off", holdout_per_ten_thousand=0, _env_file=None, **options
    )
    services = build(settings, clock=FrozenClock(START))
    shop = open_shop(services.database, customers=customers)
    with services.database.unit(shop.scope) as unit:
        subscriptions = {key: subscribe(unit, key, "starter", now=START).id for key in customers}
        put_policy(unit, policy, now=START)
    return Front(services, shop, subscriptions)
