"""Rights as they are kept: no limit, zero and false stay apart, and ending one leaves the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.entitlements.check import Question, check
from billing.entitlements.store import GrantStore
from billing.kernel.cadence import Cadence, Interval
from tests.billing.entitlements.strategies import HOUR, NOW, grant
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.entitlements.grant import Grant


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose customers hold nothing yet."""
    return open_shop(database)


def _hold(shop: Shop, *held: Grant) -> list[Grant]:
    with shop.database.unit(shop.scope) as unit:
        ann = CustomerStore(unit).get("ann").id
        owned = [replace(each, customer_id=ann) for each in held]
        GrantStore(unit).add(owned)
    return owned


def _held(shop: Shop) -> dict[str, Grant]:
    with shop.database.view(shop.scope) as unit:
        return {each.id: each for each in GrantStore(unit).of_customer(CustomerStore(unit).get("ann").id, NOW)}


def test_a_grant_comes_back_as_it_was_given(shop: Shop) -> None:
    """With its value's kind and its cadence."""
    values = [True, False, None, 0, 7]
    cadence = Cadence(NOW, Interval.WEEK, 2, "Europe/Berlin")
    given = [replace(grant(value, name=f"gra_{number}"), cadence=cadence) for number, value in enumerate(values)]

    owned = _hold(shop, *given)

    found = _held(shop)
    assert [found[each.id] for each in owned] == owned
    assert [type(found[each.id].value) for each in owned] == [type(value) for value in values]


def test_only_what_is_in_force_is_read(shop: Shop) -> None:
    """From its start, until just before its end."""
    _hold(
        shop,
        grant(1, name="gra_later", starts=1),
        grant(1, name="gra_over", starts=-2, ends=-1),
        grant(1, name="gra_ends_now", starts=-2, ends=0),
        grant(1, name="gra_starts_now", starts=0),
        grant(1, name="gra_open"),
    )

    assert sorted(_held(shop)) == ["gra_open", "gra_starts_now"]


def test_ending_a_source_leaves_the_others(shop: Shop) -> None:
    """The plan's rights end, the add-on's stay; what has ended already keeps its end."""
    _hold(
        shop,
        grant(1, name="gra_plan", source="plus"),
        grant(1, name="gra_box", source="box"),
        grant(1, name="gra_over", source="plus", starts=-3, ends=-1),
        replace(grant(1, name="gra_other", source="plus"), subscription_id="sub_2"),
    )
    with shop.database.unit(shop.scope) as unit:
        GrantStore(unit).end("sub_1", NOW, "plus")
    assert sorted(_held(shop)) == ["gra_box", "gra_other"]

    with shop.database.unit(shop.scope) as unit:
        GrantStore(unit).end("sub_1", NOW)

    assert sorted(_held(shop)) == ["gra_other"]
    with shop.database.view(shop.scope) as unit:
        earlier = GrantStore(unit).of_customer(CustomerStore(unit).get("ann").id, NOW - 2 * HOUR)
    assert [each.ends_at for each in earlier] == [NOW - HOUR]


def test_the_gate_answers_in_the_order_asked_and_each_customer_alone(shop: Shop) -> None:
    """Bob has nothing of what Ann holds."""
    _hold(shop, grant(True, name="gra_1", feature="tastings", source="box"))
    asked = [Question("bob", "tastings"), Question("ann", "tastings"), Question("ann", "deliveries")]

    with shop.database.view(shop.scope) as unit:
        found = check(unit, asked, now=NOW)

    assert [(each.customer, each.feature, each.allowed) for each in found] == [
        ("bob", "tastings", False),
        ("ann", "tastings", True),
        ("ann", "deliveries", False),
    ]
