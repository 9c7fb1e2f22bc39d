"""Caps under tabs, members, retries, lapses and threads: never two showings where one may be, on either engine."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from features.decisions.decision import RESERVED_FOR
from features.offers.policy import Cap, Caps, OfferPolicy
from tests.serving.predict.front import Front, open_front
from tests.shop import START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.db.session import Database

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
PERSON, CUSTOMER = Cap(most=1, window=2 * HOUR), Cap(most=2, window=2 * HOUR)
OFFER, PLACEMENT, TENANT = Cap(most=2, window=3 * HOUR), Cap(most=2, window=HOUR), Cap(most=3, window=HOUR)
CAPS = Caps(person=PERSON, customer=CUSTOMER, offer=OFFER, placement=PLACEMENT, tenant=TENANT)
POLICY = OfferPolicy(first_days=0, explore=1.0, caps=CAPS)
CUSTOMERS, MEMBERS, PLACEMENTS = ("ann", "bob"), (None, "m1", "m2"), ("account", "checkout", "cart")


@pytest.fixture
def front(database: Database, tmp_path: Path) -> Iterator[Front]:
    """Two customers at their limits, who were refused a feature each."""
    found = open_front(database, tmp_path, POLICY, customers=CUSTOMERS, quote_minutes=90)
    for customer in CUSTOMERS:
        found.use_all(customer)
        found.refuse("tastings", customer)
    yield found
    found.services.database.close()


@dataclass
class Seen:
    """What the outside knows of one decision: who was shown what, when it was served last, and when it was seen in time."""

    customer: str
    member: str | None
    target: str
    placement: str
    served_at: datetime
    seen_at: datetime | None = None

    def counts(self, now: datetime, window: timedelta) -> bool:
        """Whether it was seen within the window, or served so lately that it may be seen yet."""
        if self.seen_at is not None:
            return self.seen_at > now - window
        return now - self.served_at < RESERVED_FOR and self.served_at > now - window


@dataclass
class Ledger:
    """An independent account of everything shown, against which the caps are held after each step."""

    shown: dict[str, Seen] = field(default_factory=dict)

    def served(self, answer: dict[str, Any], now: datetime, customer: str, member: str | None, placement: str) -> None:
        """An answer came; one with an offer takes a place."""
        if answer["offer"] is None:
            return
        again = self.shown.get(answer["decision_id"])
        if again is None:
            target = answer["offer"]["target"]
            self.shown[answer["decision_id"]] = Seen(customer, member, target, placement, now)
        else:
            again.served_at = now

    def check(self, now: datetime) -> None:
        """No cap is exceeded now. Who is not named may be anybody."""

        def count(window: timedelta, **same: Any) -> int:
            return sum(
                each.counts(now, window) and all(getattr(each, name) == value for name, value in same.items())
                for each in self.shown.values()
            )

        assert count(TENANT.window) <= TENANT.most
        for customer in CUSTOMERS:
            assert count(CUSTOMER.window, customer=customer) <= CUSTOMER.most
            for member in MEMBERS:
                assert count(PERSON.window, customer=customer, member=member) <= PERSON.most
            for placement in PLACEMENTS:
                assert count(PLACEMENT.window, customer=customer, placement=placement) <= PLACEMENT.most
            for target in {each.target for each in self.shown.values()}:
                assert count(OFFER.window, customer=customer, target=target) <= OFFER.most


@pytest.mark.parametrize("seed", range(2))
def test_no_sequence_of_requests_impressions_retries_and_lapses_exceeds_a_cap(front: Front, seed: int) -> None:
    """Forty steps at random, some within a reservation and some beyond it, told late, twice and out of order."""
    rng, now, ledger = random.Random(seed), START + HOUR, Ledger()
    for _ in range(40):
        now += rng.choice((SECOND, 20 * SECOND, 61 * SECOND, 20 * 60 * SECOND))
        if ledger.shown and rng.random() < 0.45:
            name = rng.choice(sorted(ledger.shown))
            kind = rng.choice(("impression", "impression", "click", "dismiss"))
            told = front.tell(name, kind, now)
            seen = ledger.shown[name]
            if told["recorded"] and (kind == "impression" or seen.counts(now, HOUR)):
                seen.seen_at = seen.seen_at or now
        else:
            who = (rng.choice(CUSTOMERS), rng.choice(MEMBERS), rng.choice(PLACEMENTS))
            answer = front.ask(now, who[2], customer=who[0], member=who[1])
            ledger.served(answer, now, who[0], who[1], who[2])
        ledger.check(now)
    assert ledger.shown


def test_many_tabs_at_once_share_one_offer(front: Front) -> None:
    """Ten threads, three placements: one place is taken in all, and whoever is shown an offer is shown the same."""
    barrier, answers, card = threading.Barrier(10), list[dict[str, Any]](), front.card("ann", START + HOUR)

    def tab(number: int) -> None:
        barrier.wait()
        answers.append(front.decide(card, START + HOUR, PLACEMENTS[number % 3]))

    threads = [threading.Thread(target=tab, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 10
    assert len({answer["decision_id"] for answer in answers if answer["offer"]}) == 1
    assert {answer["reason"] for answer in answers if not answer["offer"]} <= {"cap_person"}
    with front.services.database.view(front.shop.scope) as unit:
        ann = CustomerStore(unit).get("ann").id
    assert len(front.places(ann, START + HOUR, HOUR)) == 1


def test_members_of_all_customers_at_once_stay_under_the_tenants_cap(front: Front) -> None:
    """Twelve threads for two customers of two members each: three showings in all, two a customer, one a person."""
    barrier, ledger, lock = threading.Barrier(12), Ledger(), threading.Lock()
    cards = {customer: front.card(customer, START + HOUR) for customer in CUSTOMERS}

    def ask(number: int) -> None:
        customer, member, placement = CUSTOMERS[number % 2], MEMBERS[1 + number // 2 % 2], PLACEMENTS[number % 3]
        barrier.wait()
        answer = front.decide(cards[customer], START + HOUR, placement, member)
        with lock:
            ledger.served(answer, START + HOUR, customer, member, placement)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ledger.check(START + HOUR)
    assert len(ledger.shown) == 3


def test_an_offer_that_lapsed_is_shown_again_only_where_there_is_room(front: Front) -> None:
    """After a minute its place is free: another placement takes it, and the first tab's late impression says not to show it."""
    first = front.ask(START + HOUR, "account")
    assert first["offer"]
    assert front.ask(START + HOUR + 30 * SECOND, "checkout")["reason"] == "cap_person"

    second = front.ask(START + HOUR + 61 * SECOND, "checkout")
    late = front.tell(first["decision_id"], "impression", START + HOUR + 70 * SECOND)

    assert second["offer"]
    assert (late["recorded"], late["late"]) == (False, True)
    assert front.tell(second["decision_id"], "impression", START + HOUR + 80 * SECOND)["recorded"]
    assert front.ask(START + HOUR + 90 * SECOND, "account")["offer"] is None


def test_a_late_impression_takes_the_place_while_nobody_else_has(front: Front) -> None:
    """Ten minutes on a slow train: still the only one, so it counts from when it was seen."""
    first = front.ask(START + HOUR)
    told = front.tell(first["decision_id"], "impression", START + HOUR + 600 * SECOND)

    assert (told["recorded"], "late" in told) == (True, False)
    assert front.ask(START + HOUR + 610 * SECOND, "checkout")["reason"] == "cap_person"
    assert not front.tell(first["decision_id"], "impression", START + HOUR + 700 * SECOND)["recorded"]
