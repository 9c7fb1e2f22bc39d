"""Customers by the business's own key: found by key or id, made in bulk, listed in pages that lose nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.customers.customer import MAX_KEY, Customer, CustomerNotFoundError
from billing.customers.store import CustomerStore
from billing.db.session import UnstorableError
from billing.kernel.errors import ConflictError, InvalidError
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

ANN = Customer(
    id="cus_1",
    key="ann@shop",
    created_at=datetime(2026, 1, 1, 8, 0, 0, 5, tzinfo=UTC),
    name="Ann Ä. 'O\"Neil\\",
    email="ann@example.com",
    country="DE",
    zone="Europe/Berlin",
    consents=("email", "marketing"),
)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop without customers."""
    return open_shop(database, customers=())


def _add(shop: Shop, *customers: Customer) -> None:
    with shop.database.unit(shop.scope) as unit:
        for customer in customers:
            CustomerStore(unit).add(customer)


def test_a_customer_comes_back_by_key_and_by_id(shop: Shop) -> None:
    """With every field; another tenant finds neither."""
    _add(shop, ANN)
    other = open_shop(shop.database, "Leaf Lane")

    with shop.database.view(shop.scope) as unit:
        assert [CustomerStore(unit).get(name) for name in (ANN.key, ANN.id)] == [ANN, ANN]
    with other.database.view(other.scope) as unit:
        assert [CustomerStore(unit).find(name) for name in (ANN.key, ANN.id)] == [None, None]


def test_a_key_goes_before_an_id(shop: Shop) -> None:
    """A customer whose key is another's id is the one who is meant."""
    tricky = Customer(id="cus_2", key=ANN.id, created_at=START)
    _add(shop, ANN, tricky)

    with shop.database.view(shop.scope) as unit:
        assert CustomerStore(unit).get(ANN.id) == tricky


def test_who_is_not_there_is_named(shop: Shop) -> None:
    """The error tells the key, which may hold anything."""
    with shop.database.view(shop.scope) as unit, pytest.raises(CustomerNotFoundError, match="'no one'") as refused:
        CustomerStore(unit).get("no one")

    assert refused.value.facts == {"customer": "no one"}


def test_a_key_is_taken_once(shop: Shop) -> None:
    """The second customer of that key is a conflict."""
    _add(shop, ANN)

    with pytest.raises(ConflictError):
        _add(shop, Customer(id="cus_2", key=ANN.key, created_at=START))


@pytest.mark.parametrize("key", ["", "x" * (MAX_KEY + 1), "a\x00b", "\ud800"])
def test_a_key_that_no_engine_keeps_is_refused(key: str) -> None:
    """Empty, too long, or with what is not a character."""
    with pytest.raises(InvalidError):
        Customer(id="cus_1", key=key, created_at=START)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=9)))
def test_ensuring_makes_each_customer_once(shop: Shop, keys: list[str]) -> None:
    """Every key has one id, the same at every call, whatever letters it is made of."""
    with shop.database.unit(shop.scope) as unit:
        store = CustomerStore(unit)
        before = store.count()
        known = set(store.keys())
        first = store.ensure(keys, START)
        assert store.ensure(reversed(keys), START + timedelta(days=1)) == first
        assert store.ids_by_key(keys) == first
        assert first.keys() == set(keys)
        assert store.count() == before + len(set(keys) - known)
        assert {customer.key for customer in store.by_ids(first.values()).values()} == set(keys)


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_pages_show_everyone_once_in_order(shop: Shop, size: int) -> None:
    """Following the cursor to its end is the whole list, whatever the size of a page."""
    keys = ["b", "a", "c", "aa", "B", "é", "z%", "z_"]
    with shop.database.unit(shop.scope) as unit:
        CustomerStore(unit).ensure(keys, START)
    found: list[str] = []
    cursor = None
    with shop.database.view(shop.scope) as unit:
        store = CustomerStore(unit)
        for _ in range(len(keys) + 1):
            page = store.page(limit=size, cursor=cursor)
            found += [customer.key for customer in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == store.keys()
    assert sorted(found) == sorted(keys)


def test_a_prefix_means_itself(shop: Shop) -> None:
    """A percent sign or an underscore is no wildcard; names are found whatever their case."""
    named = Customer(id="cus_9", key="q", created_at=START, name="Zelda")
    with shop.database.unit(shop.scope) as unit:
        CustomerStore(unit).ensure(["z%1", "z_1", "zz1"], START)
        CustomerStore(unit).add(named)

    def found(prefix: str) -> list[str]:
        with shop.database.view(shop.scope) as unit:
            return [customer.key for customer in CustomerStore(unit).page(limit=9, prefix=prefix).items]

    assert found("z%") == ["z%1"]
    assert found("z_") == ["z_1"]
    assert found("zel") == ["q"]


def test_an_update_replaces_what_is_known(shop: Shop) -> None:
    """Key and moment stay; consents that were taken back are gone."""
    _add(shop, ANN)
    changed = Customer(id=ANN.id, key=ANN.key, created_at=ANN.created_at, name="Ann", consents=())

    with shop.database.unit(shop.scope) as unit:
        CustomerStore(unit).update(changed)

    with shop.database.view(shop.scope) as unit:
        assert CustomerStore(unit).get(ANN.key) == changed


@pytest.mark.parametrize("key", ["a\x00b", "\ud800"])
def test_asking_for_a_key_that_no_engine_keeps_finds_nobody(shop: Shop, key: str) -> None:
    """Anything may stand in a URL; the answer is an error that can be read, never the engine's own."""
    with pytest.raises((CustomerNotFoundError, UnstorableError)), shop.database.view(shop.scope) as unit:
        CustomerStore(unit).get(key)
