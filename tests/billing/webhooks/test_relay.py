"""Each fact is queued once for each endpoint that wants to hear of it, in the order the facts were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.webhooks.relay import relay
from tests.billing.webhooks.hooks import NOW, deliveries_of, drain, listen, pass_on, tell
from tests.shop import open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Unit
    from tests.shop import Shop


def test_a_fact_goes_to_those_who_want_to_hear_of_it(shop: Shop) -> None:
    """By pattern; the second time there is nothing left."""
    every, family, other = listen(shop), listen(shop, "order.*", "plan.published"), listen(shop, "invoice.*")
    tell(shop, "1", "2")
    tell(shop, "3", kind="invoice.paid")
    pass_on(shop)
    assert pass_on(shop) == 0

    assert drain(shop, every.id) == ["1", "2", "3"]
    assert drain(shop, family.id) == ["1", "2"]
    assert drain(shop, other.id) == ["3"]


def test_what_happened_before_an_endpoint_was_made_is_not_told_to_it(shop: Shop) -> None:
    """Even if it had not been passed on yet; and nobody is needed for facts to be passed on."""
    tell(shop, "before")
    endpoint = listen(shop)
    tell(shop, "after")
    assert pass_on(shop) > 0
    assert drain(shop, endpoint.id) == ["after"]


def test_batches_keep_the_order(shop: Shop) -> None:
    """Two at a time."""
    pass_on(shop)
    endpoint = listen(shop)
    keys = [str(number) for number in range(7)]
    tell(shop, *keys)
    taken = []
    for _ in range(5):
        with shop.database.unit(shop.scope) as unit:
            taken.append(relay(unit, now=NOW, limit=2))
    assert taken == [2, 2, 2, 1, 0]
    assert drain(shop, endpoint.id) == keys


def test_a_relay_that_dies_leaves_everything_to_the_next(shop: Shop) -> None:
    """Queuing and marking are one transaction."""
    endpoint = listen(shop)
    tell(shop, "1", "2")
    with pytest.raises(KeyError), shop.database.unit(shop.scope) as unit:
        _relay_and_die(unit)
    assert deliveries_of(shop, endpoint.id) == ()

    pass_on(shop)

    assert drain(shop, endpoint.id) == ["1", "2"]


def _relay_and_die(unit: Unit) -> None:
    assert relay(unit, now=NOW) > 0
    raise KeyError


def test_relays_at_the_same_time_queue_once(shop: Shop) -> None:
    """Four of them; together they take each fact once, also where nobody listens."""
    pass_on(shop)
    first, second = listen(shop), listen(shop)
    keys = [str(number) for number in range(20)]
    tell(shop, *keys)

    taken = together(4, lambda _number: pass_on(shop))

    assert sorted(taken, key=str) == [0, 0, 0, 20]
    assert drain(shop, first.id) == drain(shop, second.id) == keys


def test_another_tenants_facts_are_not_heard(shop: Shop) -> None:
    """Each tenant's relay sees its own."""
    pass_on(shop)
    endpoint = listen(shop)
    tell(open_shop(shop.database, "Leaf Lane"), "theirs")
    assert pass_on(shop) == 0
    assert drain(shop, endpoint.id) == []
