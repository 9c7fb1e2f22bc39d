"""Places under the caps: reserved for a minute, kept once seen, counted for everybody, and gone with the customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from features.decisions.decision import RESERVED_FOR, Decision, Showing, reserve
from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with two customers on each engine."""
    return open_shop(database)


def _ids(shop: Shop) -> tuple[str, str]:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).get("ann").id, CustomerStore(unit).get("bob").id


def _place(shop: Shop, number: int, customer: str, at: datetime, **options: Any) -> Showing:
    """A decision that offers Plus, with its place."""
    showing = reserve(
        decision_id=f"dec_{number}",
        customer_id=customer,
        member=None,
        target="plus",
        placement="home",
        at=at,
        rule="limit_near",
    )
    showing = replace(showing, **options)
    decision = Decision(
        id=showing.decision_id,
        customer_id=customer,
        placement="home",
        target=None if showing.is_counterfactual else "plus",
        target_kind="plan",
        quote_id=None,
        message="",
        reason="limit_near",
        trace={},
        decided_at=at,
        expires_at=None,
        would_target="plus" if showing.is_counterfactual else None,
        is_held_out=showing.is_counterfactual,
        propensity=0.25,
    )
    with shop.database.unit(shop.scope) as unit:
        DecisionStore(unit).add(decision)
        ShowingStore(unit).add_many([showing])
    return showing


def test_a_place_comes_back_as_it_was_taken(shop: Shop) -> None:
    """With who, where, until when, and what came of it at which instant; of each customer their own, oldest first."""
    ann, bob = _ids(shop)
    late = _place(shop, 2, ann, NOW + MINUTE, member="m1", open_until=NOW + DAY, revision=3)
    early, other = _place(shop, 1, ann, NOW), _place(shop, 3, bob, NOW)
    with shop.database.unit(shop.scope) as unit:
        DecisionStore(unit).record_outcome("dec_1", "dismiss", NOW + 2 * MINUTE)
        DecisionStore(unit).record_outcome("dec_1", "impression", NOW + MINUTE)

    with shop.database.view(shop.scope) as unit:
        found = ShowingStore(unit).of_customers([ann, bob], NOW - DAY)
        assert ShowingStore(unit).of_customers([ann], NOW + MINUTE) == {ann: [late]}
        assert ShowingStore(unit).get("dec_3") == other
        assert ShowingStore(unit).get("dec_9") is None
    outcomes = {"dismiss": NOW + 2 * MINUTE, "impression": NOW + MINUTE}
    assert found == {ann: [replace(early, outcomes=outcomes), late], bob: [other]}


def test_the_first_impression_stays_and_a_lapsed_place_does_not_count(shop: Shop) -> None:
    """Seen at noon is seen at noon, however often it is told; what was never seen counts for a minute."""
    ann, bob = _ids(shop)
    _place(shop, 1, ann, NOW)
    _place(shop, 2, bob, NOW)
    _place(shop, 3, bob, NOW, is_counterfactual=True, confirmed_at=NOW)
    with shop.database.unit(shop.scope) as unit:
        for at in (NOW + 10 * MINUTE, NOW + 20 * MINUTE):
            ShowingStore(unit).confirm("dec_1", at)

    with shop.database.view(shop.scope) as unit:
        store = ShowingStore(unit)
        seen = store.get("dec_1")
        assert seen is not None
        assert seen.confirmed_at == seen.taken_at == NOW + 10 * MINUTE
        counts = [store.count_all(NOW - DAY, NOW + minutes * MINUTE) for minutes in (0, 1, 30)]
        assert store.count_all(NOW + 10 * MINUTE, NOW + 30 * MINUTE) == 0
    assert counts == [2, 1, 1]


def test_serving_again_reserves_anew(shop: Shop) -> None:
    """From then on for another minute."""
    ann, _ = _ids(shop)
    showing = _place(shop, 1, ann, NOW)
    with shop.database.unit(shop.scope) as unit:
        ShowingStore(unit).renew([showing.again(NOW + 5 * MINUTE)])
    with shop.database.view(shop.scope) as unit:
        found = ShowingStore(unit).get("dec_1")
    assert found is not None
    assert (found.decided_at, found.reserved_at) == (NOW, NOW + 5 * MINUTE)
    assert found.counts_at(NOW + 5 * MINUTE + RESERVED_FOR - timedelta(seconds=1))


def test_what_was_tried_is_what_was_seen(shop: Shop) -> None:
    """Three offers, two seen, one taken; what was only held back teaches nothing of showing."""
    ann, bob = _ids(shop)
    for number, customer in enumerate((ann, ann, bob)):
        _place(shop, number, customer, NOW)
    _place(shop, 7, bob, NOW, is_counterfactual=True, confirmed_at=NOW)
    with shop.database.unit(shop.scope) as unit:
        for name in ("dec_0", "dec_2"):
            ShowingStore(unit).confirm(name, NOW)
        DecisionStore(unit).record_outcome("dec_2", "accept", NOW)
    with shop.database.view(shop.scope) as unit:
        assert ShowingStore(unit).tried(NOW - DAY) == {"limit_near:plus": (2, 1)}
        assert ShowingStore(unit).tried(NOW + DAY) == {}
        first = DecisionStore(unit).assignments_before(NOW + DAY)
    assert [(each.customer_id, each.treated, each.propensity) for each in first] == [
        (ann, True, 0.25),
        (bob, True, 0.25),
    ]


def test_an_erased_customers_places_are_gone_and_others_stay(shop: Shop) -> None:
    """With the decisions and outcomes that they belong to."""
    ann, bob = _ids(shop)
    _place(shop, 1, ann, NOW)
    _place(shop, 2, bob, NOW)
    with shop.database.unit(shop.scope) as unit:
        DecisionStore(unit).record_outcome("dec_1", "click", NOW)
        assert DecisionStore(unit).forget(ann) == 1
    with shop.database.view(shop.scope) as unit:
        assert ShowingStore(unit).of_customers([ann, bob], NOW - DAY).keys() == {bob}


def test_pages_of_decisions_go_back_in_time(shop: Shop) -> None:
    """Newest first, of one customer or all, only offers where asked, and every decision once over the pages."""
    ann, bob = _ids(shop)
    for number in range(5):
        _place(shop, number, (ann, bob)[number % 2], NOW, is_counterfactual=number == 4, confirmed_at=None)
    with shop.database.view(shop.scope) as unit:
        store = DecisionStore(unit)
        first = store.page(limit=2)
        second = store.page(limit=9, cursor=first.next_cursor)
        mine = store.page(limit=9, customer_id=ann, has_offer=True)
    assert [each.id for each in (*first.items, *second.items)] == ["dec_4", "dec_3", "dec_2", "dec_1", "dec_0"]
    assert (second.next_cursor, [each.id for each in mine.items]) == (None, ["dec_2", "dec_0"])


@given(st.integers(0, 200), st.none() | st.integers(0, 200))
def test_a_place_counts_from_when_it_was_seen_or_while_it_may_be(later: int, seen: int | None) -> None:
    """At any second after serving."""
    showing = reserve(decision_id="d", customer_id="c", member=None, target="plus", placement="home", at=NOW)
    if seen is not None:
        showing = replace(showing, confirmed_at=NOW + timedelta(seconds=seen))

    assert showing.counts_at(NOW + timedelta(seconds=later)) == (seen is not None or later < 60)
