"""Events by when they became known, and by week."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.metering.amend import amend
from billing.metering.ingest import ingest
from billing.metering.received_store import OLDEST, ReceivedStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def _send(
    shop: Shop, kind: str, name: str, received_at: datetime, *, ago: timedelta = timedelta(), who: str = "ann"
) -> None:
    event = {"id": name, "source": "web", "type": kind, "customer": who, "time": (received_at - ago).isoformat()}
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [event], now=received_at)


def test_pages_hold_every_event_of_the_types_once_in_the_order_they_became_known(shop: Shop) -> None:
    """Also those of one instant; what happened long before it became known, or was retracted, is left out."""
    for number in range(7):
        _send(shop, "seen" if number % 3 else "clicked", f"e{number}", START + (number // 3) * HOUR, ago=number * DAY)
    _send(shop, "other", "o", START)
    _send(shop, "seen", "old", START, ago=OLDEST + DAY)
    with shop.database.unit(shop.scope) as unit:
        amend(unit, "web", "e4", {"id": "e4-gone", "data": None}, now=START + 5 * HOUR)

    with shop.database.view(shop.scope) as unit:
        store, found, last = ReceivedStore(unit), [], None
        while page := store.events({"seen", "clicked"}, START, after=last, limit=2):
            found, last = [*found, *page], page[-1]
        later = store.events({"seen", "clicked"}, START + HOUR, after=None, limit=9)

    assert [each.id for each in found] == ["e0", "e1", "e2", "e3", "e5", "e6"]
    assert [each.id for each in later] == ["e3", "e5", "e6"]


def test_who_sent_something_is_told_by_when_it_became_known(shop: Shop) -> None:
    """Each once, of some types or all."""
    _send(shop, "seen", "a", START)
    _send(shop, "seen", "b", START + HOUR)
    _send(shop, "other", "c", START + HOUR, who="bob")

    with shop.database.view(shop.scope) as unit:
        ids, store = CustomerStore(unit).ids_by_key(("ann", "bob")), ReceivedStore(unit)
        assert store.customers(START) == sorted(ids.values())
        assert store.customers(START, {"other"}) == [ids["bob"]]
        assert store.customers(START + 2 * HOUR) == []


def test_weeks_are_half_open_and_end_now(shop: Shop) -> None:
    """An event exactly a week old belongs to the week before; one of this instant to the last."""
    now = START + 50 * DAY
    for name, ago in {"now": 0, "six": 6, "seven": 7, "twenty": 20, "thirtysix": 36}.items():
        _send(shop, "seen", name, now, ago=ago * DAY)
    _send(shop, "other", "o", now, ago=DAY)

    with shop.database.view(shop.scope) as unit:
        ann = CustomerStore(unit).get("ann").id
        found = {kind: counts for _, kind, counts in ReceivedStore(unit).weekly([ann], now, 5)}

    assert found == {"seen": (2, 1, 1, 0, 0), "other": (1, 0, 0, 0, 0)}
