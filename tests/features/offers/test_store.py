"""The offer policy as rows: put whole, switched off and on, told to who keeps copies, and each tenant's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from features.offers.change import kill, put_policy, revive
from features.offers.policy import OfferPolicy, PolicyError
from features.offers.store import OfferPolicyStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def _policy(shop: Shop) -> OfferPolicy:
    with shop.database.view(shop.scope) as unit:
        return OfferPolicyStore(unit).get()


def test_a_switch_keeps_the_rest_and_undoes_itself(shop: Shop) -> None:
    """Off twice is off once; on again leaves what else was set, and nothing that was never off."""
    assert _policy(shop) == OfferPolicy()
    wanted = replace(OfferPolicy(), first_days=0, consent="marketing")
    with shop.database.unit(shop.scope) as unit:
        put_policy(unit, wanted, now=START)
    for switch, name in ((kill, "limit_near"), (kill, "limit_near"), (revive, "intent")):
        with shop.database.unit(shop.scope) as unit:
            switch(unit, name, now=START)
    assert _policy(shop) == replace(wanted, killed=frozenset({"limit_near"}))

    with shop.database.unit(shop.scope) as unit:
        assert revive(unit, "limit_near", now=START) == wanted
    assert _policy(shop) == wanted


def test_who_keeps_copies_is_told_once_the_switch_is_committed(shop: Shop) -> None:
    """For everybody, of this tenant alone; a change that failed tells nothing."""
    told: list[tuple[str, frozenset[str] | None]] = []
    shop.database.listen(lambda tenant, whom: told.append((tenant, whom)))

    with shop.database.unit(shop.scope) as unit:
        kill(unit, "*", now=START)
        assert told == []
    assert told == [(shop.opened.tenant.id, None)]

    with pytest.raises(PolicyError), shop.database.unit(shop.scope) as unit:
        kill(unit, "", now=START)
    assert (len(told), _policy(shop).killed) == (1, frozenset({"*"}))


def test_another_tenants_switch_is_its_own(shop: Shop) -> None:
    """Two shops in one database."""
    other = open_shop(shop.database, "Tea Street", customers=())
    with shop.database.unit(other.scope) as unit:
        kill(unit, "*", now=START)

    assert (_policy(shop).killed, _policy(other).killed) == (frozenset(), frozenset({"*"}))
