"""The query decides as the rule does, for everybody, on both engines: nobody without consent, in the holdout or in quiet hours gets out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from billing.customers.audience_store import AudienceStore
from billing.customers.store import CustomerStore
from billing.db.buckets import bucket
from features.contact.consent import REASONS, Contact, reason_of
from features.contact.store import ContactStore, Selection
from models.offers.holdout import bucket as holdout_bucket
from tests.features.contact.populations import NOW, Somebody, contacts, person_of, populations, store
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

ONE_SHOP = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine, and another with customers of its own that nobody must meet."""
    open_shop(database, "Leaf Lane", customers=("cleo",))
    return open_shop(database, customers=())


@ONE_SHOP
@given(population=populations, contact=contacts)
def test_the_query_decides_as_the_rule(shop: Shop, population: list[Somebody], contact: Contact) -> None:
    """The reason of each, the counts by reason in order, and who goes out are those of a plain recomputation."""
    with shop.database.unit(shop.scope) as unit:
        ids = store(unit, population)
        expected = {
            customer_id: reason_of(person_of(unit, customer_id, one, contact), contact)
            for customer_id, one in zip(ids, population, strict=True)
        }
        selection = Selection(unit, AudienceStore(unit).named(ids), contact)
        members = [member for part in selection.members(chunk=5) for member in part]
        included, excluded = selection.counts()
        judged = ContactStore(unit).reasons(ids, contact)
        paged = selection.page(limit=100)

    assert judged == expected
    assert {member.id for member in members} == {found for found, reason in expected.items() if reason is None}
    assert [member.key for member in members] == sorted(member.key for member in members)
    assert {member.id for member in paged} == {member.id for member in members}
    counted = Counter(reason for reason in expected.values() if reason is not None)
    assert (included, excluded) == (len(members), dict(counted))
    assert list(excluded) == [reason for reason in REASONS if reason in excluded]


@ONE_SHOP
@given(population=populations, contact=contacts)
def test_nobody_is_contacted_who_must_not_be(shop: Shop, population: list[Somebody], contact: Contact) -> None:
    """Said again without the rule's own words: consent, holdout, quiet hours and every suppression."""
    with shop.database.unit(shop.scope) as unit:
        ids = store(unit, population)
        by_id = dict(zip(ids, population, strict=True))
        selection = Selection(unit, AudienceStore(unit).named(ids), contact)
        members = [member for part in selection.members() for member in part]
        tenant_id = unit.scope.tenant_id

    for member in members:
        one = by_id[member.id]
        assert not one.is_erased
        assert member.email or contact.channel != "email"
        if contact.purpose != "analytics":
            assert contact.purpose in one.consents
            assert holdout_bucket(tenant_id, member.key, contact.holdout_salt) >= contact.holdout_share
            assert member.zone not in contact.quiet_zones
            assert not any(
                channel in {contact.channel, "*"} and purpose in {contact.purpose, "*"}
                for channel, purpose, _ in one.suppressions
            )


def test_everybody_is_the_tenants_own_everybody(shop: Shop) -> None:
    """A selection of all customers meets none of another tenant's."""
    contact = Contact(purpose="analytics", channel="file")
    with shop.database.unit(shop.scope) as unit:
        CustomerStore(unit).ensure(["ann", "bob"], NOW)
        keys = [
            member.key
            for part in Selection(unit, AudienceStore(unit).everybody(), contact).members()
            for member in part
        ]

    assert keys == ["ann", "bob"]


def test_buckets_are_those_that_holdouts_are_cut_by() -> None:
    """One hash, computed in the database and in memory."""
    for key in ("ann", "böb", "\u4e2d", "x" * 200):
        assert bucket(f"ten_1\x1f{key}\x1fs") == holdout_bucket("ten_1", key, "s")
