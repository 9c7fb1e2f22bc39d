"""Any population of customers, as Hypothesis draws it: consents, suppressions, addresses and zones in every combination."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from features.contact.consent import ANALYTICS, Contact, Person, Suppression
from features.contact.store import ContactStore
from features.erased.store import ErasureStore
from models.offers.holdout import bucket

if TYPE_CHECKING:
    from billing.db.session import Unit

NOW = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)
PURPOSES = ("marketing", "research")
CHANNELS = ("email", "sms")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
CONSENTS = (*PURPOSES, "no_profiling", 'a"marketing', "marketing2", "Marketing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """One customer, and what is known of them."""

    consents: frozenset[str]
    suppressions: frozenset[tuple[str, str, str]]
    email: str
    zone: str
    is_erased: bool


people = st.builds(
    Somebody,
    consents=st.frozensets(st.sampled_from(CONSENTS), max_size=4) | st.just(frozenset(PURPOSES)),
    suppressions=st.frozensets(
        st.tuples(
            st.sampled_from((*CHANNELS, "*")),
            st.sampled_from((*PURPOSES, "*")),
            st.sampled_from([each.value for each in Suppression]),
        ),
        max_size=2,
    ),
    email=st.sampled_from(("ann@shop.example", "")),
    zone=st.sampled_from(ZONES),
    is_erased=st.sampled_from((False, False, False, True)),
)
populations = st.lists(people, max_size=12)
contacts = st.builds(
    Contact,
    purpose=st.sampled_from((*PURPOSES, ANALYTICS)),
    channel=st.sampled_from(CHANNELS),
    quiet_zones=st.frozensets(st.sampled_from(ZONES), max_size=2),
    holdout_share=st.sampled_from((0, 2_000, 5_000, 10_000)),
    holdout_salt=st.sampled_from(("holdout-1", "holdout-2")),
)


def store(unit: Unit, population: list[Somebody]) -> list[str]:
    """Write a population; the ids, in its order."""
    ids = []
    for number, one in enumerate(population):
        customer = Customer(
            id=new_id("cus"),
            key=f"{new_id('k')}-{number}",
            created_at=NOW,
            email=one.email,
            zone=one.zone,
            consents=tuple(sorted(one.consents)),
        )
        CustomerStore(unit).add(customer)
        for channel, purpose, reason in sorted(one.suppressions):
            ContactStore(unit).suppress(customer.id, channel, purpose, Suppression(reason), NOW)
        if one.is_erased:
            ErasureStore(unit).add(customer.id, {}, NOW)
        ids.append(customer.id)
    return ids


def person_of(unit: Unit, customer_id: str, one: Somebody, contact: Contact) -> Person:
    """The same, as the pure rule is told of it."""
    key = CustomerStore(unit).by_ids([customer_id])[customer_id].key
    person = Person(
        consents=one.consents,
        suppressions=one.suppressions,
        email=one.email,
        zone=one.zone,
        is_erased=one.is_erased,
    )
    return replace(person, bucket=bucket(unit.scope.tenant_id, key, contact.holdout_salt))
