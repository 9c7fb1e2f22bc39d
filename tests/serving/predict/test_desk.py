"""Decisions through the desk: from memory, many in one commit, by several processes, and never from a card that is known to be stale."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.customer import CustomerNotFoundError
from billing.customers.store import CustomerStore
from billing.kernel.clock import FrozenClock
from billing.kernel.errors import ConflictError
from billing.subscriptions.change import change_now
from features.decisions.store import DecisionStore
from features.offers.change import kill
from features.offers.policy import Cap, Caps, OfferPolicy
from serving.predict.asking import Replay
from serving.predict.desk import Desk
from serving.settings import Settings
from serving.wiring import build
from tests.serving.predict.front import Front, open_front
from tests.shop import START

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from billing.db.session import Database
    from serving.predict.asking import Answered

NOW = START + timedelta(hours=1)
CUSTOMERS = ("ann", "bob", "cleo", "dan")
POLICY = OfferPolicy(first_days=0, explore=0.0, caps=Caps(person=Cap(most=1), customer=Cap(most=2)))


@pytest.fixture
def front(database: Database, tmp_path: Path) -> Iterator[Front]:
    """Four subscribers, of whom Ann and Bob are at their limit."""
    found = open_front(database, tmp_path, POLICY, customers=CUSTOMERS)
    for customer in CUSTOMERS[:2]:
        found.use_all(customer)
    yield found
    found.services.database.close()


def _ask(front: Front, desks: Sequence[Desk], asks: Sequence[dict[str, Any]]) -> list[Answered | BaseException]:
    """All at once, in turn at each desk."""

    async def run() -> list[Answered | BaseException]:
        waiting = [
            desks[number % len(desks)].decide(front.shop.scope, **{"placement": "account", "now": NOW, **ask})
            for number, ask in enumerate(asks)
        ]
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(run())


def _documents(answers: Sequence[Answered | BaseException]) -> list[dict[str, Any]]:
    found = []
    for answer in answers:
        assert not isinstance(answer, BaseException), answer
        found.append(dict(answer.document))
    return found


def test_the_desk_answers_what_a_transaction_of_its_own_would(front: Front) -> None:
    """The same offer at the same price for who has something to be offered, nothing for the others, and each decision stored."""
    desk = Desk(front.services)
    told = _documents(_ask(front, [desk], [{"customer": each} for each in CUSTOMERS]))
    desk.close()

    assert [bool(answer["offer"]) for answer in told] == [True, True, False, False]
    assert told[0] == front.ask(NOW) | {"decision_id": told[0]["decision_id"]}
    with front.services.database.view(front.shop.scope) as unit:
        assert DecisionStore(unit).answers([each["decision_id"] for each in told]).keys() == {
            each["decision_id"] for each in told
        }


def test_two_processes_show_a_person_one_offer(front: Front, tmp_path: Path) -> None:
    """Two processes on one database, twelve asks about Ann at three places: one decision with an offer in all."""
    url = front.services.database.url.render_as_string(hide_password=False)
    settings = Settings(
        home=tmp_path / "two", database_url=url, mlflow_uri="off", holdout_per_ten_thousand=0, _env_file=None
    )
    other = build(settings, clock=FrozenClock(START))
    desks = [Desk(front.services), Desk(other)]
    asks = [{"customer": "ann", "placement": ("account", "checkout", "cart")[number % 3]} for number in range(12)]
    told = _documents(_ask(front, desks, asks))
    for desk in desks:
        desk.close()
    other.database.close()

    assert len({each["decision_id"] for each in told if each["offer"]}) == 1
    assert {each["reason"] for each in told if not each["offer"]} <= {"cap_person"}


def test_a_retry_with_its_key_is_answered_as_the_first(front: Front) -> None:
    """Told apart from another request under the same key, also where both stand in one commit."""
    desk = Desk(front.services)
    replay = Replay(key="k1", fingerprint="f1", at=NOW)
    asks = [{"customer": "cleo", "replay": replay}] * 3 + [
        {"customer": "cleo", "replay": replace(replay, fingerprint="f2")}
    ]
    *told, refused = _ask(front, [desk], asks)
    (again,) = _ask(front, [desk], [{"customer": "cleo", "replay": replay}])
    desk.close()

    documents = _documents([*told, again])
    assert all(document == documents[0] for document in documents)
    assert isinstance(refused, ConflictError)
    with front.services.database.view(front.shop.scope) as unit:
        assert sum(DecisionStore(unit).counts().values()) == 1


def test_what_one_may_not_ask_harms_nobody_else(front: Front) -> None:
    """A customer whom nobody knows is refused alone."""
    desk = Desk(front.services)
    stranger, ann = _ask(front, [desk], [{"customer": "nobody"}, {"customer": "ann"}])
    desk.close()

    assert isinstance(stranger, CustomerNotFoundError)
    assert _documents([ann])[0]["offer"]


@pytest.mark.parametrize("where", ["in this process", "where nobody hears"])
def test_a_change_since_the_card_was_read_is_seen(front: Front, tmp_path: Path, where: str) -> None:
    """Ann takes Plus and Bob objects to profiling, here or in a process that nobody hears: nothing old is offered or used."""
    desk = Desk(front.services)
    first = _documents(_ask(front, [desk], [{"customer": "ann"}, {"customer": "bob"}]))
    services = front.services
    if where == "where nobody hears":
        url = services.database.url.render_as_string(hide_password=False)
        services = build(Settings(home=tmp_path / "x", database_url=url, mlflow_uri="off", _env_file=None))
    with services.database.unit(front.shop.scope) as unit:
        change_now(unit, front.subscriptions["ann"], "plus", now=NOW)
        bob = CustomerStore(unit).get("bob")
        CustomerStore(unit).update(replace(bob, consents=("no_profiling",)))
    ann, bob_now = _documents(_ask(front, [desk], [{"customer": "ann"}, {"customer": "bob", "placement": "cart"}]))
    desk.close()

    assert first[0]["offer"]["target"] in {"plus", "pro"}
    assert ann["decision_id"] != first[0]["decision_id"]
    assert ann["offer"] is None or ann["offer"]["target"] != "plus"
    with front.services.database.view(front.shop.scope) as unit:
        assert DecisionStore(unit).get(bob_now["decision_id"]).trace["profiling"] is False


def test_the_kill_switch_works_at_once(front: Front) -> None:
    """What was offered a moment ago is not, from the commit on."""
    desk = Desk(front.services)
    (before,) = _documents(_ask(front, [desk], [{"customer": "ann"}]))
    with front.services.database.unit(front.shop.scope) as unit:
        kill(unit, "*", now=NOW)
    (after,) = _documents(_ask(front, [desk], [{"customer": "ann"}]))
    desk.close()

    assert before["offer"]
    assert (after["offer"], after["reason"]) == (None, "killed")
