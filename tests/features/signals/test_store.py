"""Signals in the database: raised once whoever comes, silent for as long as they say, answered by a decision."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from features.signals.record import NewSignal
from features.signals.store import SignalStore
from tests.shop import START, Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def _ids(shop: Shop) -> dict[str, str]:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).ids_by_key(("ann", "bob"))


def _signal(customer_id: str, once_key: str = "api:1", **other: Any) -> NewSignal:
    lasting = {"at": START, "expires_at": START + 7 * DAY, "rearms_at": START + 7 * DAY}
    plain = {"trigger": "denied_access", "subject": "api", "strength": 0.5, "evidence": {"count": 3}}
    return NewSignal(**{"customer_id": customer_id, "once_key": once_key, **plain, **lasting, **other})


def test_a_crossing_is_raised_once_and_comes_back_as_it_was(shop: Shop) -> None:
    """The second time nothing is new, also within one call; another customer's is another."""
    ids = _ids(shop)
    ann, bob = _signal(ids["ann"]), _signal(ids["bob"])
    with shop.database.unit(shop.scope) as unit:
        assert SignalStore(unit).add([ann, ann, bob], START) == [ann, bob]
    with shop.database.unit(shop.scope) as unit:
        assert SignalStore(unit).add([ann], START + DAY) == []
        (raised,) = SignalStore(unit).of_customer(ids["ann"], START)

    assert (raised.trigger, raised.subject, raised.strength, raised.evidence) == (
        "denied_access",
        "api",
        0.5,
        {"count": 3},
    )
    assert (raised.at, raised.raised_at, raised.expires_at) == (START, START, START + 7 * DAY)


def test_many_who_see_the_same_crossings_at_once_raise_each_once(shop: Shop) -> None:
    """Writers whose batches overlap in any order neither raise twice nor wait for each other for ever."""
    ids = _ids(shop)

    def write(number: int) -> int:
        found = [_signal(ids[who], f"k{place}") for who in ("ann", "bob") for place in range(8)]
        with shop.database.unit(shop.scope) as unit:
            return len(SignalStore(unit).add(found[::-1] if number % 2 else found, START))

    assert sum(together(4, write)) == 16


def test_what_expires_counts_until_then_and_what_is_answered_no_more(shop: Shop) -> None:
    """An answer is to a trigger and subject; what was answered still keeps its trigger silent."""
    ann = _ids(shop)["ann"]
    with shop.database.unit(shop.scope) as unit:
        store = SignalStore(unit)
        store.add([_signal(ann), _signal(ann, "sso:1", subject="sso"), _signal(ann, "x", subject=None)], START)
        assert store.answer(ann, "denied_access", "api", "dec_1", START + DAY) == 1
        assert store.answer(ann, "denied_access", "api", "dec_2", START + DAY) == 0
        assert store.answer(ann, "denied_access", None, "dec_3", START + DAY) == 1

        assert [each.subject for each in store.of_customer(ann, START + DAY)] == ["sso"]
        assert len(store.known(ann, START + 7 * DAY - timedelta(microseconds=1))) == 3
        assert store.known(ann, START + 7 * DAY) == []


def test_what_has_no_end_to_its_silence_is_silent_until_it_is_seen_to_have_ceased(shop: Shop) -> None:
    """Long after it expired; then it may fire again."""
    ann, later = _ids(shop)["ann"], START + 90 * DAY
    with shop.database.unit(shop.scope) as unit:
        store = SignalStore(unit)
        store.add([_signal(ann, trigger="churn_risk", subject=None, rearms_at=None)], START)

        assert [each.silences(later) for each in store.known(ann, later)] == [True]
        assert store.held_open("churn_risk") == {ann}
        assert store.rearm("churn_risk", [ann], later) == 1
        assert store.held_open("churn_risk") == set()
        assert store.known(ann, later) == []


def test_a_decision_of_then_sees_what_was_raised_by_then(shop: Shop) -> None:
    """Not what was raised after it, nor what had expired."""
    ann = _ids(shop)["ann"]
    with shop.database.unit(shop.scope) as unit:
        store = SignalStore(unit)
        store.add([_signal(ann, "old", expires_at=START + DAY)], START)
        store.add([_signal(ann, "then")], START + DAY)
        store.add([_signal(ann, "later")], START + 3 * DAY)

        assert [each.once_key for each in store.before(ann, START + 2 * DAY, limit=10)] == ["then"]


def test_old_signals_are_swept_and_silent_ones_are_not(shop: Shop) -> None:
    """What keeps a trigger silent is still of use."""
    ann = _ids(shop)["ann"]
    with shop.database.unit(shop.scope) as unit:
        store = SignalStore(unit)
        store.add([_signal(ann), _signal(ann, "held", trigger="churn_risk", rearms_at=None)], START)

        assert store.sweep(START + 200 * DAY) == 1
        assert store.held_open("churn_risk") == {ann}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=6))
def test_whatever_looks_repeat_each_crossing_is_one(sqlite_database: Database, looks: list[list[int]]) -> None:
    """The sum of what was new is the number of different crossings."""
    shop = open_shop(sqlite_database)
    ann = _ids(shop)["ann"]
    new = 0
    for look in looks:
        with shop.database.unit(shop.scope) as unit:
            new += len(SignalStore(unit).add([_signal(ann, f"k{number}") for number in look], START))

    assert new == len({number for look in looks for number in look})
