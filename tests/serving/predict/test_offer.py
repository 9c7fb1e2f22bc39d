"""From rows to an offer: what is gathered is what holds now, and what is open can be taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.db.migrate import upgrade
from billing.kernel.clock import FrozenClock
from billing.metering.ingest import ingest
from billing.subscriptions.cancel import cancel_at_period_end
from billing.subscriptions.change import change_now
from billing.subscriptions.subscribe import subscribe
from features.offers.change import put_policy
from features.offers.policy import Caps, OfferPolicy
from serving.predict.denials import note_denial
from serving.predict.offer import make_decision, record_outcome
from serving.settings import Settings
from serving.wiring import Services, build
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE = timedelta(minutes=1)
EAGER = OfferPolicy(first_days=0, explore=0.0, caps=Caps(person=None, customer=None, offer=None))
"""No grace, no caps and no dice: what is worth most is shown."""


@dataclass(frozen=True, slots=True)
class Front:
    """Ann, who subscribed to Starter at START, in front of the shop."""

    services: Services
    shop: Shop
    subscription: str

    def ask(self, now: datetime, placement: str = "account") -> dict[str, Any]:
        """A decision."""
        with self.services.database.unit(self.shop.scope) as unit:
            return make_decision(unit, self.services, "ann", placement=placement, now=now)

    def tell(self, decision: dict[str, Any], kind: str, now: datetime) -> dict[str, Any]:
        """An outcome."""
        with self.services.database.unit(self.shop.scope) as unit:
            return record_outcome(unit, decision["decision_id"], kind, customer_id=None, now=now)

    def change(self, target: str, now: datetime) -> None:
        """Ann changes by herself."""
        with self.services.database.unit(self.shop.scope) as unit:
            change_now(unit, self.subscription, target, now=now)

    def use_all(self) -> None:
        """All three deliveries of Starter."""
        with self.services.database.unit(self.shop.scope) as unit:
            ingest(unit, [delivery("ann", f"d{number}", START) for number in range(3)], now=START)

    def refuse(self, feature: str) -> None:
        """The gate refused a feature."""
        note_denial(self.services.counters, self.shop.scope.tenant_id, "ann", feature, now=START)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Nobody is held out, and a quoted price holds for an hour."""
    settings = Settings(home=tmp_path, mlflow_uri="off", holdout_per_ten_thousand=0, _env_file=None)
    upgrade(settings.resolved_database_url)
    services = build(settings, clock=FrozenClock(START))
    shop = open_shop(services.database)
    with services.database.unit(shop.scope) as unit:
        subscription = subscribe(unit, "ann", "starter", now=START)
        put_policy(unit, EAGER, now=START)
    yield Front(services, shop, subscription.id)
    services.database.close()


def _target(decision: dict[str, Any]) -> str | None:
    return decision["offer"]["target"] if decision["offer"] else None


def test_a_refused_feature_is_offered_until_they_have_it(front: Front) -> None:
    """Early access by Plus; once on Plus, Pro is not sold as the way to what they have."""
    front.refuse("early_access")
    assert _target(front.ask(START + MINUTE)) == "plus"

    front.change("plus", START + 2 * MINUTE)

    assert front.ask(START + 3 * MINUTE)["reason"] == "nothing_to_offer"


def test_a_feature_that_came_with_an_add_on_counts_as_had(front: Front) -> None:
    """Refused, then bought as a box of its own: no plan is offered for it, and other refusals still count."""
    front.refuse("tastings")
    assert _target(front.ask(START + MINUTE)) == "tasting_box"

    front.change("tasting_box", START + 2 * MINUTE)
    assert front.ask(START + 3 * MINUTE)["reason"] == "nothing_to_offer"

    front.refuse("early_access")
    assert _target(front.ask(START + 4 * MINUTE)) == "plus"


def test_an_offer_whose_price_no_longer_holds_gives_way_to_a_fresh_one(front: Front) -> None:
    """Ann takes the box while Plus is on offer: the old quote cannot be accepted any more, the new one can."""
    front.use_all()
    stale = front.ask(START + MINUTE)
    assert front.ask(START + 2 * MINUTE) == stale
    front.change("tasting_box", START + 3 * MINUTE)

    fresh = front.ask(START + 4 * MINUTE)

    assert (_target(fresh), fresh["decision_id"] == stale["decision_id"]) == ("plus", False)
    assert front.tell(fresh, "accept", START + 5 * MINUTE)["plan"] == "plus"


def test_a_subscription_that_ran_out_has_nothing_to_change(front: Front) -> None:
    """Cancelled, and the paid month is over though no billing run has come by: an answer, not an error."""
    front.use_all()
    with front.services.database.unit(front.shop.scope) as unit:
        cancel_at_period_end(unit, front.subscription, now=START + MINUTE)

    decision = front.ask(START + timedelta(days=40))

    assert (decision["offer"], decision["reason"]) == (None, "no_subscription")


def test_a_dismissal_at_the_checkout_silences_the_account_page(front: Front) -> None:
    """Though the same offer is still open there."""
    front.use_all()
    open_offer = front.ask(START + MINUTE, "account")
    closed = front.ask(START + MINUTE, "checkout")
    assert (_target(open_offer), _target(closed)) == ("plus", "plus")

    front.tell(closed, "dismiss", START + 2 * MINUTE)

    assert front.ask(START + 3 * MINUTE, "account")["reason"] == "cooling_down"
