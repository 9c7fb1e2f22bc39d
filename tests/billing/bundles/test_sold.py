"""A bundle from its quote to the invoice, the books, the rights and the purchases; and everything that must refuse it."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from billing.bundles.accept import InvoiceOn, accept_bundle
from billing.bundles.bundle import (
    BundleError,
    BundlePart,
    BundlePartGoneError,
    BundlePartOwnedError,
    BundleQuote,
    BundleQuoteExpiredError,
    BundleSold,
    PartKind,
)
from billing.bundles.quote import quote_bundle
from billing.bundles.store import BundleQuoteStore
from billing.catalog.coupons.offer import CouponOffer
from billing.catalog.coupons.store import CouponStore
from billing.catalog.products.store import ProductStore
from billing.catalog.taxes.rule import TaxRule
from billing.catalog.taxes.store import TaxRuleStore
from billing.customers.store import CustomerStore
from billing.documents.load import invoice_document
from billing.documents.pdf.render import draw
from billing.entitlements.check import Question, check
from billing.invoices.credit_notes.issue import CreditRequest, issue_note
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.invoices.void import void
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.purchases.store import PurchaseStore
from billing.revenue.recognise import recognise
from billing.subscriptions.change import change_now
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.store import SubscriptionStore
from billing.tenants.profile.seller import SellerProfile
from billing.tenants.profile.store import ProfileStore
from tests.billing.bundles.selling import (
    BEANS,
    BOX,
    MUG,
    SETUP,
    TEN_OFF,
    findings,
    id_of,
    invoice_of,
    open_selling,
    start,
)
from tests.shop import START, Shop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.bundles.policy import BundlePolicy
    from billing.db.session import Database

HALF = START + timedelta(days=14)  # of a period of 28 days
LATER = HALF + timedelta(minutes=5)
END = START.replace(month=2, day=28)


@pytest.fixture
def shop(database: Database) -> Shop:
    """Beans, a mug, a cup, an add-on by the month and one that is bought once; Ann has Starter."""
    return _started(database)


@pytest.fixture
def light(sqlite_database: Database) -> Shop:
    """The same where the engine makes no difference: what is asked of the books is arithmetic."""
    return _started(sqlite_database)


def _started(database: Database) -> Shop:
    found = open_selling(database)
    start(found)
    return found


def _quoted(
    shop: Shop, *parts: BundlePart, now: datetime = HALF, policy: BundlePolicy = TEN_OFF, customer: str = "ann"
) -> BundleQuote:
    with shop.database.unit(shop.scope) as unit:
        return quote_bundle(unit, id_of(shop, customer), parts, now=now, policy=policy)


def _taken(shop: Shop, quote_id: str, now: datetime = LATER, on: InvoiceOn = InvoiceOn.NOW) -> BundleSold:
    with shop.database.unit(shop.scope) as unit:
        return accept_bundle(unit, quote_id, now=now, invoice_on=on)


def _sold(shop: Shop, *parts: BundlePart, policy: BundlePolicy = TEN_OFF) -> BundleSold:
    return _taken(shop, _quoted(shop, *parts, policy=policy).id)


def _with_taxes(shop: Shop) -> None:
    with shop.database.unit(shop.scope) as unit:
        ProfileStore(unit).put(SellerProfile(country="DE", taxes=True), START)
        rule = TaxRule(
            id="",
            country="DE",
            region=None,
            tax_class="reduced",
            rate_key="vat_de_reduced",
            percent=Decimal(7),
            valid_from=START - timedelta(days=400),
        )
        TaxRuleStore(unit).add(rule)


def test_one_line_names_every_part_to_the_cent(light: Shop) -> None:
    """12.50 and 7.99 and half a month of 7.50 less a tenth: 21.82 on one line, whose parts add up to it."""
    quote = _quoted(light, BEANS, MUG, BOX)
    assert (quote.list_total.text, quote.total.text) == ("24.24", "21.82")

    sold = _taken(light, quote.id)
    invoice = invoice_of(light, sold.invoice_id or "")

    assert [(line.kind, line.amount.text) for line in invoice.lines] == [("bundle", "21.82")]
    parts = invoice.lines[0].document["parts"]
    assert [part["name"] for part in parts] == ["Coffee beans", "Mug", "Tasting box"]
    assert sum(Money.of(part["price"]["amount"], "EUR").amount_minor for part in parts) == 2_182
    assert invoice.total == sold.total == quote.total
    assert findings(light) == []


@pytest.mark.parametrize("on", list(InvoiceOn))
def test_the_price_quoted_is_the_price_accepted_is_the_line(shop: Shop, on: InvoiceOn) -> None:
    """Whatever the parts and the policy, at whatever instant, prices changed meanwhile or not; on an invoice of its own or the next."""
    rng = random.Random(17)
    for minute in range(12):
        now = HALF + timedelta(minutes=minute)
        parts: list[BundlePart] = [
            BundlePart(key, quantity=rng.randint(1, 7))
            for key in rng.sample(["beans", "mug", "cup"], rng.randint(2, 3))
        ]
        parts += [SETUP] if rng.random() < 0.5 else []
        discounts = replace(
            TEN_OFF.discounts, discount_bps=rng.randrange(9_999), blind_discount_bps=rng.randrange(9_999)
        )
        quote = _quoted(shop, *parts, now=now, policy=replace(TEN_OFF, discounts=discounts))
        with shop.database.unit(shop.scope) as unit:
            store = ProductStore(unit)
            store.put([replace(each, price=each.price + Money(1, "EUR")) for each in store.all().values()])

        sold = _taken(shop, quote.id, now=now, on=on)

        assert sold.total == quote.total
        if sold.invoice_id is not None:
            assert invoice_of(shop, sold.invoice_id).total == quote.total
        else:
            with shop.database.view(shop.scope) as unit:
                assert BundleQuoteStore(unit).get(quote.id).invoice_id is None
    if on is InvoiceOn.NEXT:
        run_billing(shop.database, shop.scope, now=END, grace=timedelta(0))
        with shop.database.view(shop.scope) as unit:
            lines = [line for invoice in InvoiceStore(unit).page(limit=50).items for line in invoice.lines]
            asked: dict[str, Money] = {}
            for line in (each for each in lines if each.kind == "bundle"):
                assert line.net == line.amount
                asked[line.quote_id or ""] = asked.get(line.quote_id or "", Money.zero("EUR")) + line.net
            assert len(asked) == 12
            assert all(BundleQuoteStore(unit).get(quote).total == total for quote, total in asked.items())
    assert findings(shop) == []


def test_every_part_is_owned_at_once(shop: Shop) -> None:
    """The add-on with its right and its place on the subscription, the products as purchases at their shares; list prices stay."""
    sold = _sold(shop, BEANS, MUG, BOX)

    with shop.database.view(shop.scope) as unit:
        assert check(unit, [Question("ann", "tastings")], now=LATER)[0].allowed
        running = SubscriptionStore(unit).running_of([id_of(shop)])[id_of(shop)]
        assert running.owns("tasting_box")
        lines = list(PurchaseStore(unit).lines_before(END, id_of(shop)))
        assert sorted((line[1], line[6]) for line in lines) == [("beans", 1_125), ("mug", 719)]
        assert ProductStore(unit).all()["beans"].price.text == "12.50"
    assert sold.quote.addons[0].price.text == "3.38"


def test_from_the_next_period_on_the_addon_renews_by_itself(light: Shop) -> None:
    """The bundle paid its rest of this period; the next invoice has its whole fee and nothing for the bundle again."""
    _sold(light, BEANS, BOX)
    run_billing(light.database, light.scope, now=END, grace=timedelta(0))

    with light.database.view(light.scope) as unit:
        newest = InvoiceStore(unit).page(limit=1).items[0]
    assert sorted((line.kind, line.amount.text) for line in newest.lines) == [
        ("recurring", "7.50"),
        ("recurring", "9.00"),
        ("usage", "0.00"),
    ]


def test_products_are_earned_at_once_and_the_service_by_the_day(light: Shop) -> None:
    """11.25 of beans when the invoice is issued; the add-on's 3.38 over its fourteen days; the books agree throughout."""
    recognise(light.database, light.scope, until=LATER)
    with light.database.view(light.scope) as unit:
        before = LedgerStore(unit).standing(Account.REVENUE)
    _sold(light, BEANS, BOX)

    with light.database.view(light.scope) as unit:
        after = LedgerStore(unit).standing(Account.REVENUE)
    assert sum(after.values()) - sum(before.values()) in {1_125, -1_125}
    recognise(light.database, light.scope, until=HALF + timedelta(days=7, hours=16))
    assert findings(light) == []
    recognise(light.database, light.scope, until=END + timedelta(days=2))
    assert findings(light) == []


def test_parts_that_are_taxed_differently_take_a_line_each(light: Shop) -> None:
    """Beans at 7 %, a mug and a service at 19 %: two lines that say they belong together and add up to the quote."""
    _with_taxes(light)
    sold = _sold(light, BEANS, MUG, BOX)
    invoice = invoice_of(light, sold.invoice_id or "")

    assert [line.document["description"] for line in invoice.lines] == [
        "Bundle (1 of 2): Coffee beans",
        "Bundle (2 of 2): Mug, Tasting box",
    ]
    assert [(line.net.text, line.tax.text) for line in invoice.lines] == [("11.25", "0.79"), ("10.57", "2.01")]
    assert invoice.net == sold.total
    assert findings(light) == []


def test_prices_with_their_tax_in_them_stay_what_was_quoted(light: Shop) -> None:
    """What the customer pays is the quote; the tax is a part of it."""
    _with_taxes(light)
    sold = _sold(light, MUG, BundlePart("cup"), policy=replace(TEN_OFF, tax_inclusive=True))
    invoice = invoice_of(light, sold.invoice_id or "")

    assert len(invoice.lines) == 1
    assert invoice.total == sold.total
    assert invoice.tax.amount_minor > 0
    assert findings(light) == []


def test_the_document_shows_the_parts(light: Shop) -> None:
    """Each part with its share below the line; a PDF can be drawn of it."""
    sold = _sold(light, BEANS, BundlePart("mug", quantity=2))
    with light.database.view(light.scope) as unit:
        document = invoice_document(unit, sold.invoice_id or "", light.opened.tenant)

    assert document.lines[0].description == "Bundle: Coffee beans, 2 × Mug"
    assert len(document.lines[0].detail) == 2
    assert "Coffee beans" in document.lines[0].detail[0]
    assert draw(document).startswith(b"%PDF")


@pytest.mark.parametrize("cents", [[1], [500, 1, 333], [1_463]])
def test_credit_notes_take_what_was_deferred_and_what_was_earned(light: Shop, cents: Sequence[int]) -> None:
    """However it is credited in parts, and all of it at the end, books and schedules agree."""
    sold = _sold(light, BEANS, BOX)
    assert sold.total.text == "14.63"
    for amount in (*cents, 0):
        left = 1_463 - sum(cents) if amount == 0 else amount
        if left <= 0:
            continue
        with light.database.unit(light.scope) as unit:
            request = CreditRequest(amount=Money(left, "EUR"))
            issue_note(unit, sold.invoice_id or "", request, refundable=None, now=LATER + timedelta(days=3))
        assert findings(light) == []
    recognise(light.database, light.scope, until=END + timedelta(days=2))
    assert findings(light) == []


def test_a_voided_bundle_leaves_the_books_whole(light: Shop) -> None:
    """What was deferred goes, what was earned is taken back."""
    sold = _sold(light, MUG, BOX)
    with light.database.unit(light.scope) as unit:
        void(unit, sold.invoice_id or "", now=LATER + timedelta(days=1))
    recognise(light.database, light.scope, until=END)
    assert findings(light) == []


def test_no_coupon_moves_a_promised_price(light: Shop) -> None:
    """Half off everything else on the invoice that carries the bundle."""
    with light.database.unit(light.scope) as unit:
        offer = CouponOffer(
            id=new_id("cpn"), key="half", document={"key": "half", "name": "Half", "percent": "50"}, created_at=START
        )
        CouponStore(unit).add(offer)
        running = SubscriptionStore(unit).running_of([id_of(light)])[id_of(light)]
        redeem(unit, running.id, "half", now=START + timedelta(days=1))
    quote = _quoted(light, BEANS, MUG)
    _taken(light, quote.id, on=InvoiceOn.NEXT)
    run_billing(light.database, light.scope, now=END, grace=timedelta(0))

    with light.database.view(light.scope) as unit:
        newest = InvoiceStore(unit).page(limit=1).items[0]
    bundled = [line.net for line in newest.lines if line.kind == "bundle"]
    assert sum(bundled, Money.zero("EUR")) == quote.total
    assert {line.net.text for line in newest.lines if line.kind == "recurring"} == {"4.50"}


def test_a_quote_is_taken_once_and_in_time(shop: Shop) -> None:
    """A second time and an hour later are refused, and change nothing."""
    first, late = _quoted(shop, BEANS, MUG), _quoted(shop, MUG, BundlePart("cup"))
    _taken(shop, first.id)

    with pytest.raises(BundleQuoteExpiredError, match="already"):
        _taken(shop, first.id)
    with pytest.raises(BundleQuoteExpiredError, match="expired"):
        _taken(shop, late.id, now=HALF + timedelta(hours=1))


def test_of_two_that_accept_at_once_one_does(shop: Shop) -> None:
    """One invoice and one purchase of each part, however often and from wherever it is taken."""
    quote = _quoted(shop, BEANS, BOX)
    outcomes: list[str] = []

    def take() -> None:
        try:
            _taken(shop, quote.id)
            outcomes.append("sold")
        except BundleQuoteExpiredError:
            outcomes.append("refused")

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refused", "refused", "refused", "sold"]
    with shop.database.view(shop.scope) as unit:
        assert len(list(PurchaseStore(unit).lines_before(END, id_of(shop)))) == 1
        invoices = InvoiceStore(unit).page(limit=10).items
        assert sum(line.kind == "bundle" for invoice in invoices for line in invoice.lines) == 1


def test_what_was_had_or_changed_since_is_refused(shop: Shop) -> None:
    """A product bought meanwhile, an add-on taken meanwhile, a plan changed meanwhile, a product that is not sold any more."""
    beans, box, plan, gone = (
        _quoted(shop, BEANS, MUG),
        _quoted(shop, BOX, MUG),
        _quoted(shop, SETUP, MUG),
        _quoted(shop, BundlePart("cup"), MUG),
    )
    _sold(shop, BEANS, BundlePart("cup"))
    with pytest.raises(BundlePartOwnedError, match="beans"):
        _taken(shop, beans.id)
    with shop.database.unit(shop.scope) as unit:
        running = SubscriptionStore(unit).running_of([id_of(shop)])[id_of(shop)]
        change_now(unit, running.id, "tasting_box", now=HALF)
    with pytest.raises(BundlePartOwnedError, match="tasting_box"):
        _taken(shop, box.id)
    with pytest.raises(BundleQuoteExpiredError, match="changed"):
        _taken(shop, plan.id)
    with shop.database.unit(shop.scope) as unit:
        store = ProductStore(unit)
        store.put([replace(store.all()["mug"], buyable=False)])
    with pytest.raises((BundlePartGoneError, BundlePartOwnedError)):
        _taken(shop, gone.id)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([BEANS], BundleError),
        ([BEANS, BundlePart("beans", quantity=2)], BundleError),
        ([BEANS, BundlePart("nothing")], BundlePartGoneError),
        ([BEANS, BundlePart("plus", PartKind.ADDON)], BundleError),
    ],
)
def test_what_makes_no_bundle_is_refused(light: Shop, parts: list[BundlePart], error: type[Exception]) -> None:
    """One part, a part twice, a product that is not there, a plan."""
    with pytest.raises(error):
        _quoted(light, *parts)


def test_who_has_no_subscription_buys_products_only(light: Shop) -> None:
    """An add-on stands on a subscription; products do not, but then no next invoice carries them."""
    with pytest.raises(BundlePartGoneError, match="subscription"):
        _quoted(light, BEANS, BOX, customer="bob")
    quote = _quoted(light, BEANS, MUG, customer="bob")
    with pytest.raises(BundleError, match="next invoice"):
        _taken(light, quote.id, on=InvoiceOn.NEXT)
    assert _taken(light, quote.id).invoice_id
    with light.database.view(light.scope) as unit:
        assert CustomerStore(unit).get("bob").id == quote.customer_id
