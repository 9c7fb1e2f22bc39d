"""Standings: the difference between two evaluations, and two that are written at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from billing.db.outbox import waiting_facts
from features.segments.standing.announce import ENTERED, MOST, announce
from features.segments.standing.store import Moves, StandingStore, moves_between
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

PLACES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(("new", "active")), max_size=6)


@settings(max_examples=80, deadline=None)
@given(before=PLACES, after=PLACES)
def test_the_moves_lead_from_before_to_after(before: dict[str, str], after: dict[str, str]) -> None:
    """Taking out who left and putting in who entered gives exactly what is; who stays is in neither."""
    moves = moves_between(before, after)

    left = {customer for ids in moves.left.values() for customer in ids}
    made = {customer: segment for customer, segment in before.items() if customer not in left}
    made |= {customer: segment for segment, ids in moves.entered.items() for customer in ids}
    assert made == after
    assert all(before[customer] != after.get(customer) for customer in left)


def test_two_evaluations_at_once_are_written_one_after_the_other(database: Database) -> None:
    """Both find the same, neither fails, and the moves are told once."""
    shop = open_shop(database, customers=tuple(f"c{number}" for number in range(30)))
    with database.view(shop.scope) as unit:
        places = dict.fromkeys(CustomerStore(unit).ids_by_key(f"c{number}" for number in range(30)).values(), "in")

    def write(_: int) -> Moves:
        with database.unit(shop.scope) as unit:
            moves = StandingStore(unit).replace("rule:x", places, START)
            announce(unit, "rule:x", moves, START)
            return moves

    with ThreadPoolExecutor(4) as pool:
        found = sorted(len(moves.entered.get("in", [])) for moves in pool.map(write, range(4)))

    assert found == [0, 0, 0, 30]
    with database.view(shop.scope) as unit:
        assert sum(fact.kind == ENTERED for fact in waiting_facts(unit, limit=100)) == 1
        assert len(StandingStore(unit).members("rule:x", "in")) == 30


def test_since_stays_for_who_stays_and_large_moves_are_told_in_parts(database: Database) -> None:
    """Six hundred enter in two facts; a week later one leaves, and the others have stood there for a week."""
    keys = tuple(f"c{number:03}" for number in range(MOST + 100))
    shop = open_shop(database, customers=keys)
    with database.unit(shop.scope) as unit:
        places = dict.fromkeys(CustomerStore(unit).ids_by_key(keys).values(), "active")
        told = announce(unit, "life_cycle", StandingStore(unit).replace("life_cycle", places, START), START)
        gone = min(places)
        later = START + timedelta(days=7)
        StandingStore(unit).replace("life_cycle", {**places, gone: "lapsed"}, later)

    assert told == 2
    with database.view(shop.scope) as unit:
        standings = StandingStore(unit).of_scheme("life_cycle")
        assert standings[gone].since == later
        assert {standing.since for customer, standing in standings.items() if customer != gone} == {START}
        assert StandingStore(unit).sizes() == {"life_cycle": {"active": MOST + 99, "lapsed": 1}}
