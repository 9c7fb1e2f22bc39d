"""Which billing periods a redeemed coupon covers, and who may redeem it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.coupons.offer import CouponOffer
from billing.catalog.coupons.store import CouponStore
from billing.invoices.cycle import run_billing
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.ids import new_id
from billing.pricing.coupon_document import parse_coupon
from billing.subscriptions.cancel import cancel_now
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.coupons.redemption import CouponRefusedError, Redemption
from billing.subscriptions.coupons.store import RedemptionStore
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

MONTHS = Cadence(START, Interval.MONTH, 1, "UTC")


def _redemption(duration: Any, *, first: int = 0, ended: int | None = None) -> Redemption:
    """Redeemed in the period before `first`, taken off a day into period `ended`."""
    document = {"key": "c", "name": "C", "percent": "10", "duration": duration}
    return Redemption(
        id="red_1",
        subscription_id="sub_1",
        coupon=parse_coupon(document),
        redeemed_at=MONTHS.period(first).start,
        first_period=first,
        ended_at=None if ended is None else MONTHS.period(ended).start + timedelta(days=1),
    )


def _covered(redemption: Redemption, most: int = 40) -> list[int]:
    return [number for number in range(most) if redemption.covers(number, MONTHS.period(number))]


@given(st.integers(0, 10), st.integers(1, 12), st.sampled_from(["periods", "months"]))
def test_it_covers_as_many_periods_as_it_says(first: int, size: int, unit: str) -> None:
    """From the first on and without a gap; on a monthly plan months are periods."""
    assert _covered(_redemption({unit: size}, first=first)) == list(range(first, first + size))


@given(st.integers(0, 10), st.integers(0, 10))
def test_one_that_is_taken_off_covers_the_period_it_was_in(first: int, later: int) -> None:
    """And no period that begins afterwards."""
    redemption = _redemption("forever", first=first, ended=first + later)

    assert _covered(redemption) == list(range(first, first + later + 1))


@given(st.integers(0, 5))
def test_for_good_is_for_good(first: int) -> None:
    """Every period from the first on."""
    assert _covered(_redemption("forever", first=first)) == list(range(first, 40))


@pytest.fixture
def shop(database: Database) -> Shop:
    """The shop, where ann and bob buy."""
    return open_shop(database)


def _offer(shop: Shop, **fields: Any) -> None:
    document = {"key": "spring", "name": "Spring", "percent": "25", **fields}
    with shop.database.unit(shop.scope) as unit:
        CouponStore(unit).add(CouponOffer(id=new_id("cpn"), key="spring", document=document, created_at=START))


def _redeemed(shop: Shop, customer: str, *, now: Any = START) -> Redemption:
    with shop.database.unit(shop.scope) as unit:
        return redeem(unit, subscribe(unit, customer, "starter", now=now).id, "spring", now=now)


def _end(shop: Shop, redemption: Redemption) -> None:
    with shop.database.unit(shop.scope) as unit:
        RedemptionStore(unit).end(redemption.subscription_id, redemption.id, START)


def test_once_a_customer_is_once_whatever_became_of_it(shop: Shop) -> None:
    """Taken off, it is still used up for ann; bob may."""
    _offer(shop, once_per_customer=True)
    first = _redeemed(shop, "ann")
    _end(shop, first)

    with pytest.raises(CouponRefusedError, match="once"), shop.database.unit(shop.scope) as unit:
        redeem(unit, first.subscription_id, "spring", now=START)
    assert _redeemed(shop, "bob").first_period == 0
    with shop.database.view(shop.scope) as unit:
        assert CouponStore(unit).get("spring").redeemed == 2


def test_without_that_limit_it_may_be_redeemed_again(shop: Shop) -> None:
    """Once it was taken off."""
    _offer(shop)
    first = _redeemed(shop, "ann")
    _end(shop, first)

    with shop.database.unit(shop.scope) as unit:
        assert redeem(unit, first.subscription_id, "spring", now=START).id != first.id


def test_first_time_is_the_first_subscription(shop: Shop) -> None:
    """Ann had one before and is refused; for bob it is the first."""
    _offer(shop, first_time_only=True)
    with shop.database.unit(shop.scope) as unit:
        cancel_now(unit, subscribe(unit, "ann", "starter", now=START).id, now=START + timedelta(hours=1))
    run_billing(shop.database, shop.scope, now=START + timedelta(hours=2))

    with pytest.raises(CouponRefusedError, match="first subscription"):
        _redeemed(shop, "ann", now=START + timedelta(days=1))
    assert _redeemed(shop, "bob").coupon.key == "spring"


def test_it_counts_from_the_next_invoice_on(shop: Shop) -> None:
    """Redeemed after the first invoice was made, its first period is the second."""
    _offer(shop)
    with shop.database.unit(shop.scope) as unit:
        subscription = subscribe(unit, "ann", "starter", now=START)
    run_billing(shop.database, shop.scope, now=START + timedelta(days=2))

    with shop.database.unit(shop.scope) as unit:
        assert redeem(unit, subscription.id, "spring", now=START + timedelta(days=2)).first_period == 1
