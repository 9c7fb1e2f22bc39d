"""The nightly check: what was served is what is computed again; a planted difference is found, kept and told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from billing.customers.store import CustomerStore
from billing.db.outbox import waiting_facts
from billing.purchases.store import PurchaseStore
from features.online import features_of
from features.served.keep import keep_served
from features.served.store import MOST_CHECKS, ServedStore
from features.served.tables import ServedVectorRow
from features.served.verify import KEPT_FOR, ServedDifferError, is_due, require_same, verify_served
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop where Ann buys every third day, on each engine."""
    shop = open_shop(database)
    for number in range(10):
        _buy(shop, START + number * 3 * DAY)
    return shop


def _buy(shop: Shop, at: datetime, *, received: datetime | None = None, amount_minor: int = 700) -> None:
    with shop.database.unit(shop.scope) as unit:
        line = {"key": f"l{at.isoformat()}", "customer_id": CustomerStore(unit).get("ann").id, "item": "tea"}
        times = {"basket": f"b{at.isoformat()}", "at": at, "received_at": received or at}
        PurchaseStore(unit).insert([{**line, **times, "quantity": 1, "amount_minor": amount_minor, "currency": "EUR"}])


def _serve(shop: Shop, now: datetime) -> None:
    with shop.database.unit(shop.scope) as unit:
        customer = CustomerStore(unit).get("ann").id
        keep_served(unit, "profile", customer, features_of(unit, customer, now=now), now=now)


def _facts(shop: Shop) -> list[str]:
    with shop.database.view(shop.scope) as unit:
        return [fact.kind for fact in waiting_facts(unit, limit=100)]


def test_what_was_served_is_what_is_computed_again_however_much_happens_since(shop: Shop) -> None:
    """Orders after the answer, and orders of before it that were told after it, change nothing of then."""
    for days in (5, 11, 20):
        _serve(shop, START + days * DAY)
    _buy(shop, START + 40 * DAY)
    _buy(shop, START + 2 * DAY + timedelta(hours=1), received=START + 39 * DAY)

    check = verify_served(shop.database, shop.scope, now=START + 21 * DAY)

    assert (check.sampled, check.differing) == (3, 0)
    assert "features.differ" not in _facts(shop)
    require_same(check)


def test_a_row_of_the_past_that_is_told_as_if_it_had_been_known_is_found(shop: Shop) -> None:
    """A back-dated import would teach a model what no answer could know; it is said with the view and both values."""
    _serve(shop, START + 20 * DAY)
    _buy(shop, START + 19 * DAY, amount_minor=1)

    check = verify_served(shop.database, shop.scope, now=START + 21 * DAY)

    assert (check.sampled, check.differing) == (1, 1)
    assert {"orders_30d", "spend_30d_minor"} <= {each["name"] for each in check.details}
    assert "features.differ" in _facts(shop)
    with pytest.raises(ServedDifferError, match="1 of 1 served vectors differ"):
        require_same(check)


def test_one_bit_of_a_kept_value_is_found(shop: Shop) -> None:
    """A fault of the serving side: the vector says what the fold did not."""
    _serve(shop, START + 20 * DAY)
    with shop.database.unit(shop.scope) as unit:
        served = ServedStore(unit).read(ServedStore(unit).ids_since(START))[0]
        wrong = [(value + 2**-30).hex() if isinstance(value, float) else str(value) for value in served.values]
        unit.session.execute(update(ServedVectorRow).values(vector=wrong))

    check = verify_served(shop.database, shop.scope, now=START + 21 * DAY)

    assert check.differing == 1
    assert all(each["served"].startswith(("0x", "-0x")) for each in check.details)


def test_a_row_that_was_being_stored_while_the_answer_was_made_is_excused(shop: Shop) -> None:
    """Usage waits some milliseconds to be committed; its time of receipt is from before."""
    _serve(shop, START + 20 * DAY)
    known = START + 20 * DAY - timedelta(milliseconds=3)
    _buy(shop, START + 19 * DAY, received=known)

    assert verify_served(shop.database, shop.scope, now=START + 21 * DAY).differing == 0


def test_a_check_is_due_a_day_after_the_last_and_only_when_something_was_served(shop: Shop) -> None:
    """Old vectors and old checks are forgotten."""
    assert not _due(shop, START)
    _serve(shop, START + DAY)
    assert _due(shop, START + DAY)
    verify_served(shop.database, shop.scope, now=START + 2 * DAY)
    assert not _due(shop, START + 2 * DAY + timedelta(hours=23))

    for number in range(MOST_CHECKS + 3):
        with shop.database.unit(shop.scope) as unit:
            ServedStore(unit).add_check(START + 3 * DAY + number * DAY, 0, 0, [])
    verify_served(shop.database, shop.scope, now=START + DAY + KEPT_FOR + timedelta(hours=1))

    with shop.database.view(shop.scope) as unit:
        assert ServedStore(unit).ids_since(START) == []
        assert len(ServedStore(unit).checks(500)) == MOST_CHECKS


def test_vectors_of_other_definitions_are_passed_over(shop: Shop) -> None:
    """A view that means something else today is not a fault of yesterday."""
    _serve(shop, START + 20 * DAY)
    with shop.database.unit(shop.scope) as unit:
        unit.session.execute(update(ServedVectorRow).values(spec_hash="older"))

    assert verify_served(shop.database, shop.scope, now=START + 21 * DAY).sampled == 0


def _due(shop: Shop, now: datetime) -> bool:
    with shop.database.view(shop.scope) as unit:
        return is_due(unit, now)
