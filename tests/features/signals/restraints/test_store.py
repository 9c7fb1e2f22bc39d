"""Tickets and cancellations whose events come late, twice or in the wrong order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from features.signals.restraints.restraint import TICKET_OPEN, Change, is_held
from features.signals.restraints.store import RestraintStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def _ann(shop: Shop) -> str:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).get("ann").id


def _change(customer: str, day: int, *, begins: bool, reference: str = "7", lasts: int = 30) -> Change:
    at = START + day * DAY
    return Change(
        customer_id=customer,
        kind=TICKET_OPEN,
        reference=reference,
        at=at,
        begins=begins,
        lapses_at=at + lasts * DAY if begins else None,
    )


def test_a_ticket_holds_until_it_is_closed_and_another_one_goes_on_holding(shop: Shop) -> None:
    """By the ticket's own name."""
    ann = _ann(shop)
    with shop.database.unit(shop.scope) as unit:
        store = RestraintStore(unit)
        store.apply([_change(ann, 0, begins=True), _change(ann, 1, begins=True, reference="8")])
        store.apply([_change(ann, 2, begins=False)])

        (held,) = store.of_customer(ann, START + 3 * DAY)

    assert (held.kind, held.reference, held.since) == (TICKET_OPEN, "8", START + DAY)


def test_a_ticket_that_nobody_closes_lapses(shop: Shop) -> None:
    """After thirty days, that instant excluded; and it holds nothing before it began."""
    ann = _ann(shop)
    with shop.database.unit(shop.scope) as unit:
        RestraintStore(unit).apply([_change(ann, 1, begins=True)])
        held = [bool(RestraintStore(unit).of_customer(ann, START + day * DAY)) for day in (0, 1, 30, 31)]

    assert held == [False, True, True, False]


def test_applying_the_same_again_changes_nothing(shop: Shop) -> None:
    """The answer says how many moved."""
    ann = _ann(shop)
    with shop.database.unit(shop.scope) as unit:
        assert RestraintStore(unit).apply([_change(ann, 0, begins=True)]) == 1
        assert RestraintStore(unit).apply([_change(ann, 0, begins=True), _change(ann, -1, begins=True)]) == 0


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=8, unique_by=lambda each: each[0]),
    data=st.data(),
)
def test_the_order_in_which_events_become_known_does_not_matter(
    sqlite_database: Database, told: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """Any order, any repeats: what holds is what the latest event says."""
    shop = open_shop(sqlite_database)
    ann = _ann(shop)
    shuffled = data.draw(st.permutations(told)) + data.draw(
        st.lists(st.sampled_from(told), max_size=3) if told else st.just([])
    )
    for day, begins in shuffled:
        with shop.database.unit(shop.scope) as unit:
            RestraintStore(unit).apply([_change(ann, day, begins=begins)])

    with shop.database.view(shop.scope) as unit:
        held = bool(RestraintStore(unit).of_customer(ann, START + 20 * DAY))

    assert held == (bool(told) and max(told)[1])


def test_an_end_at_the_beginning_itself_ends_it() -> None:
    """Of two events of one instant the end wins: nobody is held back by a tie."""
    assert not is_held(START, START, None, START)
    assert is_held(START, START - DAY, None, START)
