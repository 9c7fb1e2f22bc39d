"""Memberships made up around real orders: who keeps ordering is a member, and every order is a delivery, once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from serving.demo.catalog import publish_catalogue
from serving.demo.members import Step
from serving.demo.retail import MEMBERSHIP_DAYS, memberships, orders_of, record_deliveries
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database

DAY = timedelta(days=1)


def _orders(*days_ago: float) -> dict[str, datetime]:
    return {f"b{number}": START - days * DAY for number, days in enumerate(days_ago)}


def test_the_second_order_of_two_months_makes_a_member_and_more_orders_move_them_up() -> None:
    """Two make Starter, four Plus, seven Pro, each at the order that did it."""
    steps = memberships(
        {
            "one": _orders(5),
            "old": _orders(MEMBERSHIP_DAYS + 1, MEMBERSHIP_DAYS + 2, 3),
            "two": _orders(3, 9),
            "four": _orders(1, 2, 3, 4),
            "seven": _orders(1, 2, 3, 4, 5, 6, 7),
        },
        now=START,
    )

    assert steps == [
        Step(START - 3 * DAY, "four", "started", "starter"),
        Step(START - 1 * DAY, "four", "changed", "plus"),
        Step(START - 6 * DAY, "seven", "started", "starter"),
        Step(START - 4 * DAY, "seven", "changed", "plus"),
        Step(START - 1 * DAY, "seven", "changed", "pro"),
        Step(START - 3 * DAY, "two", "started", "starter"),
    ]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=3), st.lists(st.floats(0, 200), max_size=12).map(lambda days: _orders(*days))
    )
)
def test_memberships_follow_the_orders_whoever_orders(orders: dict[str, dict[str, datetime]]) -> None:
    """One start each, at an order of theirs, and a change only after it."""
    steps = memberships(orders, now=START)

    for customer in {step.customer for step in steps}:
        mine = [step for step in steps if step.customer == customer]
        assert [step.kind for step in mine] == ["started", "changed", "changed"][: len(mine)]
        assert [step.at for step in mine] == sorted(step.at for step in mine)
        assert all(step.at in orders[customer].values() for step in mine)


def test_every_order_is_one_delivery_however_often_it_is_recorded(sqlite_database: Database) -> None:
    """Baskets of several lines count once, other customers' baskets of the same name are their own, and repeats change nothing."""
    shop = open_shop(sqlite_database)
    with shop.database.unit(shop.scope) as unit:
        publish_catalogue(unit, currency="EUR", now=START - 100 * DAY)
    _buy(shop)
    orders = orders_of(shop.database, shop.scope, START)

    for _ in range(2):
        record_deliveries(shop.database, shop.scope, orders, now=START)

    assert {customer: len(baskets) for customer, baskets in orders.items()} == {"ann": 2, "bob": 1}
    with shop.database.view(shop.scope) as unit:
        rows = list(EventStore(unit).rows_before(START))
        names = CustomerStore(unit).by_ids({row[0] for row in rows})
    assert sorted((names[row[0]].key, row[1], row[2]) for row in rows) == [
        ("ann", "deliveries", START - 2 * DAY),
        ("ann", "deliveries", START - DAY),
        ("bob", "deliveries", START - DAY),
    ]
    assert all(row[3] == row[2] for row in rows)


def _buy(shop: Shop) -> None:
    """Ann orders twice, once two things; Bob once; one more order lies in the future."""
    with shop.database.unit(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(["ann", "bob"])
        lines = [
            ("ann", "b1", "tea", 2 * DAY),
            ("ann", "b1", "pot", 2 * DAY),
            ("ann", "b2", "tea", DAY),
            ("bob", "b1", "tea", DAY),
            ("bob", "b9", "tea", -DAY),
        ]
        rows = [
            {
                "key": f"{customer}:{basket}:{item}",
                "customer_id": ids[customer],
                "item": item,
                "basket": basket,
                "at": START - ago,
                "received_at": START - ago,
                "quantity": 1,
                "amount_minor": 500,
                "currency": "EUR",
            }
            for customer, basket, item, ago in lines
        ]
        PurchaseStore(unit).insert(rows)
