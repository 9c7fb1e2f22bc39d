"""What is set by hand stands in place of what was bought until it ends, and everything that asks sees it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.entitlements.access import Access, Reason
from billing.entitlements.check import Question, check
from billing.entitlements.given import BadOverrideError, OverrideNotFoundError, drop_override, put_override
from billing.entitlements.store import GrantStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose customers bought nothing."""
    return open_shop(database)


def _put(
    shop: Shop,
    value: bool | int | None,  # noqa: FBT001 (a right's value)
    feature: str = "deliveries",
    *,
    at: datetime = START,
    ends_at: datetime | None = None,
    why: str = "a gift",
) -> None:
    with shop.database.unit(shop.scope) as unit:
        put_override(unit, "ann", feature, value=value, why=why, ends_at=ends_at, now=at)


def _asked(shop: Shop, at: datetime, quantity: int = 1) -> Access:
    with shop.database.view(shop.scope) as unit:
        return check(unit, [Question("ann", "deliveries", Decimal(quantity))], now=at)[0]


def test_it_counts_from_now_until_its_end(shop: Shop) -> None:
    """Half-open: at its end it is over, and nothing was bought."""
    _put(shop, 5, ends_at=START + HOUR)

    found = _asked(shop, START, 5)

    assert (found.allowed, found.reason, found.limit) == (True, Reason.WITHIN_LIMIT, 5)
    assert _asked(shop, START, 6).reason is Reason.LIMIT_REACHED
    assert _asked(shop, START + HOUR).reason is Reason.NO_SUBSCRIPTION


def test_the_last_word_counts_and_can_be_taken_back(shop: Shop) -> None:
    """Set twice in one instant, then removed: the second replaced the first, and nothing is left of either."""
    _put(shop, 5)
    _put(shop, 9, why="more of it")
    with shop.database.view(shop.scope) as unit:
        kept = GrantStore(unit).of_customer(CustomerStore(unit).get("ann").id, START)
    assert [(grant.value, grant.why) for grant in kept] == [(9, "more of it")]
    assert _asked(shop, START).limit == 9

    with shop.database.unit(shop.scope) as unit:
        drop_override(unit, "ann", "deliveries", now=START + HOUR)

    assert _asked(shop, START).limit == 9
    assert _asked(shop, START + HOUR).reason is Reason.NO_SUBSCRIPTION
    with pytest.raises(OverrideNotFoundError), shop.database.unit(shop.scope) as unit:
        drop_override(unit, "ann", "deliveries", now=START + HOUR)


@pytest.mark.parametrize("value", [True, False, -1, 10**15 + 1])
def test_a_limit_takes_a_number(shop: Shop, value: int) -> None:
    """Neither true nor less than nothing nor beyond all measure."""
    with pytest.raises(BadOverrideError):
        _put(shop, value)


def test_it_needs_a_reason_and_a_future(shop: Shop) -> None:
    """An override that nobody can explain, or that is over, is a mistake."""
    with pytest.raises(BadOverrideError):
        _put(shop, 5, why="  ")
    with pytest.raises(BadOverrideError):
        _put(shop, 5, ends_at=START)
