"""Redeeming coupons: limits hold exactly, and a redemption keeps the coupon as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.coupons.offer import CouponKeyTakenError, CouponOffer
from billing.catalog.coupons.store import CouponStore
from billing.kernel.ids import new_id
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.coupons.redemption import CouponRefusedError
from billing.subscriptions.coupons.store import RedemptionStore
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database

PEOPLE = tuple(f"c{n}" for n in range(6))


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with six customers."""
    return open_shop(database, customers=PEOPLE)


def _offer(shop: Shop, **fields: Any) -> None:
    document = {"key": "spring", "name": "Spring", "percent": "25", **fields}
    with shop.database.unit(shop.scope) as unit:
        CouponStore(unit).add(CouponOffer(id=new_id("cpn"), key="spring", document=document, created_at=START))


def _subscribe(shop: Shop, customer: str) -> str:
    with shop.database.unit(shop.scope) as unit:
        return subscribe(unit, customer, "starter", now=START).id


def _redeem(shop: Shop, subscription: str) -> bool:
    try:
        with shop.database.unit(shop.scope) as unit:
            redeem(unit, subscription, "spring", now=START)
    except CouponRefusedError:
        return False
    return True


def test_a_limit_holds_however_many_try_at_once(shop: Shop) -> None:
    """Six redeem a coupon for two at the same moment: two get it, and two are counted."""
    _offer(shop, max_redemptions=2)
    ids = [_subscribe(shop, person) for person in PEOPLE]

    won = together(len(ids), lambda number: _redeem(shop, ids[number]))

    with shop.database.view(shop.scope) as unit:
        assert CouponStore(unit).get("spring").redeemed == won.count(True) == 2
        assert len(RedemptionStore(unit).of_subscriptions(ids)) == 2


def test_a_coupon_that_is_refused_is_not_counted(shop: Shop) -> None:
    """Twice on one subscription, of another plan, in another currency, too late."""
    _offer(shop)
    subscription = _subscribe(shop, "c0")

    assert (_redeem(shop, subscription), _redeem(shop, subscription)) == (True, False)
    with shop.database.view(shop.scope) as unit:
        assert CouponStore(unit).get("spring").redeemed == 1


@pytest.mark.parametrize(
    "fields",
    [{"plans": ["pro"]}, {"percent": None, "amount": "5", "currency": "USD"}, {"redeem_by": "2026-01-31T09:00:00Z"}],
)
def test_a_coupon_that_does_not_fit_is_refused(shop: Shop, fields: dict[str, Any]) -> None:
    """Nothing is left behind."""
    _offer(shop, **fields)

    assert not _redeem(shop, _subscribe(shop, "c0"))


def test_archived_coupons_go_on_where_they_are(shop: Shop) -> None:
    """Nobody new gets it, and its key is not free again."""
    _offer(shop)
    first, second = _subscribe(shop, "c0"), _subscribe(shop, "c1")
    assert _redeem(shop, first)
    with shop.database.unit(shop.scope) as unit:
        CouponStore(unit).archive("spring", START)

    assert not _redeem(shop, second)
    with shop.database.view(shop.scope) as unit:
        assert RedemptionStore(unit).of_subscriptions([first])[first][0].coupon.worth.words == "25 % off"
    with pytest.raises(CouponKeyTakenError):
        _offer(shop)
