"""Coupons, taxes and spending limits from the catalogue to issued invoices, through the billing run; every figure by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.coupons.offer import CouponOffer
from billing.catalog.coupons.store import CouponStore
from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.customers.store import CustomerStore
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.kernel.ids import new_id
from billing.ledger.store import LedgerStore
from billing.metering.ingest import ingest
from billing.pricing.ratecard import meter_of
from billing.pricing.tax_rules import EXPORT, REVERSE_CHARGE, SMALL_BUSINESS
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.coupons.store import RedemptionStore
from billing.subscriptions.subscribe import Options, subscribe
from billing.tenants.profile.seller import SellerProfile
from billing.tenants.profile.store import ProfileStore
from tests.shop import START, Shop, delivery, fee, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.invoices.invoice import Invoice

GRACE = timedelta(days=1)
ENDS = tuple(START.replace(month=month, day=day) for month, day in ((2, 28), (3, 31), (4, 30)))
GERMAN = SellerProfile(country="DE", taxes=True)
CONSUMER = {"country": "Germany"}
FRENCH_FIRM = {"country": "France", "tax_id": "FR40303265045", "is_business": True}
AMERICAN = {"country": "USA"}
USAGE = {
    "key": "deliveries",
    "name": "Deliveries",
    "meter": "deliveries",
    "price": {"model": "per_unit", "unit_price": "0.50"},
}


@pytest.fixture
def shop(database: Database) -> Shop:
    """The shop at START, without taxes until a profile says so."""
    return open_shop(database)


def _publish(shop: Shop, amount: str, **terms: Any) -> None:
    """The plan `club` of a monthly fee and 0.50 a delivery."""
    draft = Draft(
        key="club",
        name="Club",
        kind=PlanKind.PLAN,
        rank=3,
        currency="EUR",
        interval="month",
        charges=[fee("Club", amount), USAGE],
        grants=[],
        terms=terms,
    )
    with shop.database.unit(shop.scope) as unit:
        publish(unit, draft, read_charge=meter_of, now=START)


def _buyer(shop: Shop, profile: SellerProfile, **fields: Any) -> None:
    """What is known of the seller and of ann."""
    with shop.database.unit(shop.scope) as unit:
        ProfileStore(unit).put(profile, START)
        store = CustomerStore(unit)
        store.update(replace(store.get("ann"), **fields))


def _subscribe(shop: Shop, *coupons: dict[str, Any], plan: str = "club", addons: tuple[str, ...] = ()) -> str:
    """Ann's subscription from START on, with coupons redeemed at once."""
    with shop.database.unit(shop.scope) as unit:
        subscription = subscribe(unit, "ann", plan, now=START, options=Options(addons=addons))
        for document in coupons:
            offer = CouponOffer(id=new_id("cpn"), key=document["key"], document=document, created_at=START)
            CouponStore(unit).add(offer)
            redeem(unit, subscription.id, offer.key, now=START)
    return subscription.id


def _use(shop: Shop, count: int) -> None:
    at = START + timedelta(days=3)
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", f"d{each}", at) for each in range(count)], now=at)


def _issued(shop: Shop, periods: int) -> list[Invoice]:
    """The first invoice and those that close so many periods, oldest first; the books are even after them."""
    for at in (START, *ENDS[:periods]):
        report = run_billing(shop.database, shop.scope, now=at + timedelta(days=2), grace=GRACE)
        assert not report.failed, report.failed
    with shop.database.view(shop.scope) as unit:
        assert LedgerStore(unit).balances().net("EUR").amount_minor == 0
        return sorted(InvoiceStore(unit).page(limit=50).items, key=lambda invoice: invoice.number or "")


def _figures(invoice: Invoice) -> tuple[str, str, str]:
    return invoice.net.text, invoice.tax.text, invoice.total.text


def test_a_percent_for_two_periods(shop: Shop) -> None:
    """25 % off 10.00 is 7.50 twice; the third invoice asks for 10.00."""
    _publish(shop, "10.00")
    _subscribe(shop, {"key": "two", "name": "Two", "percent": "25", "duration": {"periods": 2}})

    assert [invoice.total.text for invoice in _issued(shop, 2)] == ["7.50", "7.50", "10.00"]


def test_an_amount_for_one_plan_stops_at_it(shop: Shop) -> None:
    """20.00 off Starter of 9.00 beside a box of 7.50: 9.00 are taken, 11.00 are lost, 7.50 are left to pay."""
    coupon = {"key": "big", "name": "Big", "amount": "20.00", "currency": "EUR", "plans": ["starter"]}
    _subscribe(shop, {**coupon, "duration": {"periods": 1}}, plan="starter", addons=("tasting_box",))

    first, second = _issued(shop, 1)

    assert (first.total.text, second.total.text) == ("7.50", "16.50")
    taken = first.summary["coupons"][0]
    assert (taken["amount"]["amount"], taken["unused"]["amount"]) == ("9.00", "11.00")


def test_a_coupon_that_was_taken_off_covers_no_later_period(shop: Shop) -> None:
    """10.00 less 2.00 once; ended in the first period, the second asks for 10.00."""
    _publish(shop, "10.00")
    subscription = _subscribe(shop, {"key": "off", "name": "Off", "amount": "2.00", "currency": "EUR"})
    with shop.database.unit(shop.scope) as unit:
        held = RedemptionStore(unit).of_subscriptions([subscription])[subscription][0]
        RedemptionStore(unit).end(subscription, held.id, START + timedelta(days=5))

    assert [invoice.total.text for invoice in _issued(shop, 1)] == ["8.00", "10.00"]


@pytest.mark.parametrize(
    ("profile", "buyer", "figures", "notes"),
    [
        (GERMAN, CONSUMER, ("19.99", "3.80", "23.79"), []),  # 19 % of 19.99 is 3.7981
        (GERMAN, {"country": "Narnia"}, ("19.99", "3.80", "23.79"), []),  # not known: as at home
        (GERMAN, FRENCH_FIRM, ("19.99", "0.00", "19.99"), [REVERSE_CHARGE]),
        (GERMAN, {"country": "France"}, ("19.99", "3.80", "23.79"), []),
        (replace(GERMAN, oss=True), {"country": "France"}, ("19.99", "4.00", "23.99"), []),  # 20 % is 3.998
        (GERMAN, AMERICAN, ("19.99", "0.00", "19.99"), [EXPORT]),
        (replace(GERMAN, exempt=True), CONSUMER, ("19.99", "0.00", "19.99"), [SMALL_BUSINESS]),
        (replace(GERMAN, taxes=False), CONSUMER, ("19.99", "0.00", "19.99"), None),
    ],
)
def test_tax_by_who_buys(
    shop: Shop, profile: SellerProfile, buyer: dict[str, Any], figures: tuple[str, str, str], notes: list[str] | None
) -> None:
    """A fee of 19.99 net from Germany, and the sentence that the law asks for."""
    _buyer(shop, profile, **buyer)
    _publish(shop, "19.99")
    _subscribe(shop)

    (invoice,) = _issued(shop, 0)

    assert _figures(invoice) == figures
    assert invoice.summary.get("notes") == notes


@pytest.mark.parametrize(
    ("buyer", "figures"),
    [
        (CONSUMER, ("10.00", "1.90", "11.90")),
        (FRENCH_FIRM, ("10.00", "0.00", "10.00")),
        (AMERICAN, ("10.00", "0.00", "10.00")),
    ],
)
def test_a_price_with_its_tax_in_it(shop: Shop, buyer: dict[str, Any], figures: tuple[str, str, str]) -> None:
    """11.90 are 10.00 and 1.90 at home; abroad, where none is charged, 10.00 are asked."""
    _buyer(shop, GERMAN, **buyer)
    _publish(shop, "11.90", tax_inclusive=True)
    _subscribe(shop)

    (invoice,) = _issued(shop, 0)

    assert _figures(invoice) == figures


def test_tax_is_on_what_the_coupon_left(shop: Shop) -> None:
    """20.00 less 10 % is 18.00; 19 % of it is 3.42; 21.42 in all."""
    _buyer(shop, GERMAN, **CONSUMER)
    _publish(shop, "20.00")
    _subscribe(shop, {"key": "ten", "name": "Ten", "percent": "10"})

    (invoice,) = _issued(shop, 0)

    assert _figures(invoice) == ("18.00", "3.42", "21.42")
    assert [stage["rule"] for stage in invoice.summary["stages"]] == ["charges", "invoice_discounts", "tax"]


def test_a_minimum_is_made_up_with_the_period_and_taxed(shop: Shop) -> None:
    """At least 10.00: the fee of 5.00 and 4 deliveries at 0.50 leave 3.00; with the next fee 10.00 net, 1.90 tax."""
    _buyer(shop, GERMAN, **CONSUMER)
    _publish(shop, "5.00", minimum="10")
    _subscribe(shop)
    _use(shop, 4)

    first, second = _issued(shop, 1)

    assert _figures(first) == ("5.00", "0.95", "5.95")
    assert sorted((line.kind, line.net.text) for line in second.lines) == [
        ("commitment", "3.00"),
        ("recurring", "5.00"),
        ("usage", "2.00"),
    ]
    assert _figures(second) == ("10.00", "1.90", "11.90")


def test_a_maximum_caps_the_period(shop: Shop) -> None:
    """At most 8.00: after the fee of 5.00, 20 deliveries of 10.00 come to 3.00; the next fee is not capped by it."""
    _publish(shop, "5.00", maximum="8")
    _subscribe(shop)
    _use(shop, 20)

    _, second = _issued(shop, 1)

    usage = next(line for line in second.lines if line.kind == "usage")
    assert (usage.amount.text, usage.net.text) == ("10.00", "3.00")
    assert second.total.text == "8.00"
