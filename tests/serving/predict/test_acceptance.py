"""Taking an offer of each kind, at instants all over the period: what was quoted is what is accepted is what the invoice says."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.coupons.offer import CouponOffer
from billing.catalog.coupons.store import CouponStore
from billing.catalog.item import Product
from billing.catalog.products.store import ProductStore
from billing.entitlements.store import GrantStore
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.invoices.upcoming import upcoming
from billing.kernel.errors import ConflictError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.pricing.quote import money_document
from billing.subscriptions.cancel import cancel_at_period_end
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import Status
from features.offers.policy import Caps, OfferPolicy
from features.signals.store import SignalStore
from models.offers.context import Target
from tests.serving.predict.front import Front, open_front
from tests.shop import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from billing.db.session import Database

CUSTOMERS = tuple(f"c{number}" for number in range(6))
POLICY = OfferPolicy(
    first_days=0, explore=0.0, caps=Caps(person=None, customer=None, offer=None), save_coupons=("stay", "gone")
)
PERIOD = timedelta(days=28)
TWO = Target(kind="bundle", key="beans+mug", name="Beans + Mug", rank=0, gives={}, recurring=Money(2_000, "EUR"))


@pytest.fixture
def front(database: Database, tmp_path: Path) -> Iterator[Front]:
    """Six subscribers at their limit, two products, and a coupon for those who would leave."""
    found = open_front(database, tmp_path, POLICY, customers=CUSTOMERS)
    for customer in CUSTOMERS:
        found.use_all(customer)
        found.refuse("tastings", customer)
    with found.services.database.unit(found.shop.scope) as unit:
        document = {"key": "stay", "name": "Stay", "percent": "30", "duration": {"periods": 2}}
        CouponStore(unit).add(CouponOffer(id=new_id("cpn"), key="stay", document=document, created_at=START))
        ProductStore(unit).put(_product(key, price) for key, price in (("beans", 1_250), ("mug", 799)))
    yield found
    found.services.database.close()


def _product(key: str, price: int) -> Product:
    return Product(
        key=key,
        name=key.title(),
        category="shop",
        price=Money(price, "EUR"),
        cost=Money(price // 3, "EUR"),
        buyable=True,
        added_at=START,
    )


def _instants(seed: int) -> list[datetime]:
    """An instant of the first period for each customer, in order."""
    rng = random.Random(seed)
    return sorted(START + PERIOD * rng.random() for _ in CUSTOMERS)


def _offer(front: Front, customer: str, now: datetime, *kinds: str) -> dict[str, Any]:
    """A decision among the targets of some kinds; it offers one."""
    card = front.card(customer, now)
    targets = tuple(target for target in card.targets if target.kind in kinds)
    answer = front.decide(replace(card, targets=targets), now)
    assert answer["offer"], answer
    assert answer["offer"]["kind"] in kinds
    return answer


@pytest.mark.parametrize("kind", ["plan", "addon"])
def test_a_change_costs_what_was_quoted_to_the_cent(front: Front, kind: str) -> None:
    """Quoted at any instant and accepted later within the hour: the same lines wait for the invoice, and it carries them."""
    for customer, now in zip(CUSTOMERS, _instants(1), strict=True):
        front.refuse("tastings", customer, at=now)
        answer = _offer(front, customer, now, kind)
        quote = answer["offer"]["quote"]
        later = now + timedelta(minutes=random.Random(customer).randrange(59))

        accepted = front.tell(answer["decision_id"], "accept", later)

        assert accepted["total"] == quote["total"]
        with front.services.database.view(front.shop.scope) as unit:
            invoice = upcoming(unit, front.subscriptions[customer])
            answered = SignalStore(unit).of_customer(
                SubscriptionStore(unit).get(accepted["subscription"]).customer_id, later
            )
        assert invoice is not None
        waiting = [line for line in invoice.lines if line.kind == "change"]
        assert [money_document(line.amount) for line in waiting] == [line["amount"] for line in quote["lines"]]
        assert answer["offer"]["reasons"][0]["kind"] not in {signal.trigger for signal in answered}


def test_a_quote_that_was_overtaken_or_ran_out_is_refused_and_changes_nothing(front: Front) -> None:
    """After an hour, and after another offer was taken; the decision stays open for nothing else."""
    now = START + timedelta(days=3)
    first = _offer(front, "c0", now, "plan")
    with pytest.raises(ConflictError):
        front.tell(first["decision_id"], "accept", now + timedelta(minutes=61))

    addon = _offer(front, "c0", now + timedelta(hours=2), "addon")
    plan = _offer(front, "c0", now + timedelta(hours=2), "plan")
    front.tell(addon["decision_id"], "accept", now + timedelta(hours=2, minutes=1))
    with pytest.raises(ConflictError):
        front.tell(plan["decision_id"], "accept", now + timedelta(hours=2, minutes=2))

    with front.services.database.view(front.shop.scope) as unit:
        found = SubscriptionStore(unit).get(front.subscriptions["c0"])
    assert (found.plan_key, [item.plan_key for item in found.addons]) == ("starter", [addon["offer"]["target"]])


def test_a_bundle_is_sold_at_the_price_that_was_offered(front: Front) -> None:
    """One invoice over exactly the quoted total, and a second acceptance sells nothing."""
    for customer, now in zip(CUSTOMERS[:3], _instants(2), strict=False):
        card = front.card(customer, now)
        answer = front.decide(replace(card, targets=(replace(TWO, parts=("beans", "mug")),)), now)
        assert answer["offer"]["kind"] == "bundle"

        accepted = front.tell(answer["decision_id"], "accept", now + timedelta(minutes=5))
        again = front.tell(answer["decision_id"], "accept", now + timedelta(minutes=6))

        assert accepted["total"] == answer["offer"]["quote"]["total"]
        assert not again["recorded"]
        with front.services.database.view(front.shop.scope) as unit:
            invoice = InvoiceStore(unit).get(accepted["invoice"])
        assert money_document(invoice.total) == accepted["total"]


def _leaving(front: Front, customer: str, now: datetime) -> None:
    with front.services.database.unit(front.shop.scope) as unit:
        cancel_at_period_end(unit, front.subscriptions[customer], now=now)


def _of_saving(front: Front, customer: str, now: datetime, which: str) -> dict[str, Any]:
    """A save-offer of one sort to somebody who has cancelled."""
    front.card(customer, now)
    _leaving(front, customer, now)
    card = front.card(customer, now)
    targets = tuple(target for target in card.targets if which in (target.saving or {}))
    answer = front.decide(replace(card, targets=targets), now)
    assert answer["offer"], answer
    return answer


def test_a_coupon_for_staying_takes_off_what_it_said(front: Front) -> None:
    """Who had cancelled goes on, and the next invoice's fees come to what the offer named."""
    named = {}
    for customer, now in zip(CUSTOMERS[:2], _instants(3), strict=False):
        answer = _of_saving(front, customer, now, "coupon")
        assert answer["offer"]["saving"] == {"coupon": "stay"}
        accepted = front.tell(answer["decision_id"], "accept", now + timedelta(minutes=2))
        assert accepted["total"]["amount"] == "0.00"
        named[customer] = answer["offer"]["quote"]["recurring"]

    run_billing(front.services.database, front.shop.scope, now=START + timedelta(days=32))

    for customer, recurring in named.items():
        with front.services.database.view(front.shop.scope) as unit:
            found = SubscriptionStore(unit).get(front.subscriptions[customer])
            invoices = InvoiceStore(unit).page(limit=9, customer_id=found.customer_id).items
        assert (found.status, found.ends_at) == (Status.ACTIVE, None)
        paid = sum((line.net for line in invoices[0].lines if line.kind == "recurring"), Money.zero("EUR"))
        assert money_document(paid) == recurring


def test_a_pause_begins_with_the_next_period_and_costs_nothing(front: Front) -> None:
    """Nothing is billed until it ends, when the plan goes on at its price."""
    now = START + timedelta(days=9)
    answer = _of_saving(front, "c0", now, "pause_days")

    accepted = front.tell(answer["decision_id"], "accept", now + timedelta(minutes=2))
    run_billing(front.services.database, front.shop.scope, now=START + timedelta(days=40))

    assert accepted["total"]["amount"] == "0.00"
    with front.services.database.view(front.shop.scope) as unit:
        found = SubscriptionStore(unit).get(front.subscriptions["c0"])
        rights = GrantStore(unit).of_customer(found.customer_id, START + timedelta(days=40))
    assert (found.status, rights) == (Status.PAUSED, [])


def test_a_smaller_plan_gives_back_what_was_quoted(front: Front) -> None:
    """From Plus to Starter for who had cancelled: the credit is the quoted one, and they stay."""
    now = START + timedelta(days=6, hours=5)
    front.tell(_offer(front, "c0", now, "plan")["decision_id"], "accept", now)
    later = now + timedelta(days=4)
    answer = _of_saving(front, "c0", later, "plan")
    accepted = front.tell(answer["decision_id"], "accept", later + timedelta(minutes=30))

    assert (accepted["plan"], accepted["total"]) == (
        answer["offer"]["saving"]["plan"],
        answer["offer"]["quote"]["total"],
    )
    assert accepted["total"]["amount"].startswith("-")
    with front.services.database.view(front.shop.scope) as unit:
        assert SubscriptionStore(unit).get(front.subscriptions["c0"]).ends_at is None
