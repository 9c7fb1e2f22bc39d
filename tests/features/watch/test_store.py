"""Promises are kept once a window, settled by what came, and forgotten with their customer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from features.watch.store import Promise, WatchStore
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database
    from tests.shop import Shop

MONTH = timedelta(days=30)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop of three on each engine."""
    return open_shop(database, customers=("ann", "bob", "cleo"))


def ids(shop: Shop) -> dict[str, str]:
    """Ids by key."""
    with shop.database.view(shop.scope) as unit:
        return {key: CustomerStore(unit).get(key).id for key in ("ann", "bob", "cleo")}


def promise(customer_id: str, value: float, at: datetime = START, version: str = "v0001") -> Promise:
    """A promise about the next month."""
    return Promise(
        customer_id=customer_id, version=version, as_of=at, value=value, horizon_days=30, matures_at=at + MONTH
    )


def test_a_promise_is_bound_until_it_matures_and_then_settled(shop: Shop) -> None:
    """What came, what did not, and what cannot be told; only the first two are judged, each by its own version."""
    known = ids(shop)
    with shop.database.unit(shop.scope) as unit:
        WatchStore(unit).keep("churn", [promise(one, 0.25) for one in known.values()])
        WatchStore(unit).keep("churn", [promise(known["ann"], 0.5, START + MONTH, "v0002")])
    with shop.database.view(shop.scope) as unit:
        store = WatchStore(unit)
        assert store.bound("churn", START) == set(known.values())
        assert store.bound("churn", START + MONTH) == {known["ann"]}
        assert store.bound("propensity", START) == set()
        assert store.due("churn", START + MONTH - timedelta(seconds=1)) == []
        due = store.due("churn", START + MONTH)
    assert {one.customer_id for one in due} == set(known.values())

    with shop.database.unit(shop.scope) as unit:
        WatchStore(unit).settle("churn", START, {known["ann"]: True, known["bob"]: False, known["cleo"]: None})

    with shop.database.view(shop.scope) as unit:
        judged = WatchStore(unit).judged("churn", "v0001")
        assert {(one.customer_id, one.value, one.outcome) for one in judged} == {
            (known["ann"], 0.25, True),
            (known["bob"], 0.25, False),
        }
        assert WatchStore(unit).judged("churn", "v0002") == []
        assert [one.version for one in WatchStore(unit).due("churn", START + 2 * MONTH)] == ["v0002"]


def test_who_is_forgotten_leaves_no_promise(shop: Shop) -> None:
    """Of any task; the others' stay."""
    known = ids(shop)
    with shop.database.unit(shop.scope) as unit:
        for task in ("churn", "propensity"):
            WatchStore(unit).keep(task, [promise(known["ann"], 0.1), promise(known["bob"], 0.2)])
    with shop.database.unit(shop.scope) as unit:
        WatchStore(unit).forget([known["ann"]])
    with shop.database.view(shop.scope) as unit:
        assert WatchStore(unit).bound("churn", START) == WatchStore(unit).bound("propensity", START) == {known["bob"]}


def test_looks_are_kept_newest_first_and_alarms_found_again(shop: Shop) -> None:
    """By whoever counts them, from where it last looked."""
    with shop.database.unit(shop.scope) as unit:
        store = WatchStore(unit)
        first = store.add("churn", "v0001", START, "calm", {"kind": "none"}, alarm=False)
        second = store.add("churn", "v0001", START + MONTH, "odd", {"kind": "scores"}, alarm=True)
    with shop.database.view(shop.scope) as unit:
        store = WatchStore(unit)
        assert [look.sentence for look in store.recent("churn", 5)] == ["odd", "calm"]
        assert store.latest("churn") == second
        assert store.latest("propensity") is None
        assert store.alarms_after(first.id) == [second]
        assert store.alarms_after(second.id) == []
    with shop.database.unit(shop.scope) as unit:
        WatchStore(unit).forget_before(START + timedelta(days=1))
    with shop.database.view(shop.scope) as unit:
        assert [look.sentence for look in WatchStore(unit).recent("churn", 5)] == ["odd"]
