"""Twelve invoices of the real engine, kept as readable text: whatever changes a figure or a word on one of them shows as a diff."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from billing.catalog.coupons.offer import CouponOffer
from billing.catalog.coupons.store import CouponStore
from billing.catalog.plan import PlanKind
from billing.catalog.taxes.rule import TaxRule
from billing.catalog.taxes.store import TaxRuleStore
from billing.customers.customer import Customer
from billing.documents.file import pdf_of
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.metering.amend import amend
from billing.pricing.context import PricingContext
from billing.subscriptions.change import change
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.facts import set_facts
from billing.wallets.fund import grant
from tests.golden.render import check_golden
from tests.golden.story import ANN, GRACE, SELLER, START, Story, fee, metered

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.session import Database
    from billing.documents.page import InvoiceDocument

TAXED = replace(SELLER, taxes=True)
FEB_28 = datetime(2026, 2, 28, 9, tzinfo=UTC)
AFTER = FEB_28 + GRACE
DELIVERIES = metered(
    "delivery",
    "Deliveries",
    {"model": "graduated", "tiers": [{"up_to": "10", "unit_price": "0"}, {"up_to": None, "unit_price": "1.50"}]},
)


def month_end_anchor(database: Database) -> InvoiceDocument:
    """Begun on 31 January: the invoice of 28 February closes a month that ends on its last day, and 31 March is next."""
    story = Story.begin(database)
    story.meter("delivery")
    story.plan("plus", [fee("Plus membership", "19.00"), DELIVERIES])
    story.subscribe("plus")
    story.use("delivery", 14, START + timedelta(days=10))
    story.bill(AFTER)
    return story.invoice()


def dst_month(database: Database) -> InvoiceDocument:
    """An upgrade at noon on 20 March in Berlin, in a month of 743 hours: shares by the second of that very month."""
    begun = datetime(2026, 2, 28, 23, tzinfo=UTC)
    story = Story.begin(database, seller=TAXED, at=begun)
    story.plan("basic", [fee("Basic membership", "29.00")])
    story.plan("pro", [fee("Pro membership", "89.00")], rank=2)
    made = story.subscribe("basic", at=begun)
    with story.unit() as unit:
        change(unit, made.id, "pro", now=datetime(2026, 3, 20, 11, tzinfo=UTC))
    story.bill(datetime(2026, 3, 31, 22, tzinfo=UTC))
    return story.invoice()


def mixed_tax(database: Database) -> InvoiceDocument:
    """Membership at 19 % beside a printed magazine at the reduced 7 % of the shop's own rule, tax rounded once a rate."""
    story = Story.begin(database, seller=TAXED)
    with story.unit() as unit:
        TaxRuleStore(unit).add(
            TaxRule(
                country="DE",
                tax_class="printed",
                rate_key="vat_de_reduced",
                percent=Decimal(7),
                valid_from=datetime(2020, 1, 1, tzinfo=UTC),
            )
        )
    story.plan("plus", [fee("Plus membership", "19.99")])
    story.plan("magazine", [fee("The Bean Quarterly", "4.95")], kind=PlanKind.ADDON, terms={"tax_class": "printed"})
    story.subscribe("plus", addons=("magazine",))
    return story.invoice()


def credit_and_wallet(database: Database) -> InvoiceDocument:
    """A downgrade left credit on the account, which pays first; a prepaid wallet pays the rest."""
    story = Story.begin(database, seller=TAXED)
    story.plan("pro", [fee("Pro membership", "89.00")], rank=2)
    story.plan("basic", [fee("Basic membership", "29.00")])
    made = story.subscribe("pro")
    with story.unit() as unit:
        change(unit, made.id, "basic", now=START + timedelta(days=2))
        grant(unit, "ann", Money(2500, "EUR"), paid=True, key="gift-card", now=START + timedelta(days=3))
    story.bill(AFTER)
    story.bill(datetime(2026, 4, 1, 9, tzinfo=UTC))
    return story.invoice()


def commitment(database: Database) -> InvoiceDocument:
    """At least 200.00 a month was promised; 49.00 was the fee and usage came to 30.00, so a line of its own makes up the rest."""
    story = Story.begin(database, seller=TAXED)
    story.meter("call")
    calls = metered("call", "Calls", {"model": "per_unit", "unit_price": "0.25"})
    story.plan("business", [fee("Business", "49.00"), calls], terms={"minimum": "200"})
    story.subscribe("business")
    story.use("call", 120, START + timedelta(days=4))
    story.bill(AFTER)
    return story.invoice()


def progressive(database: Database) -> InvoiceDocument:
    """Usage passed 50.00 in mid-month and was billed then; the invoice of the month takes what came after."""
    story = Story.begin(database, seller=TAXED)
    story.meter("call")
    calls = metered("call", "Calls", {"model": "per_unit", "unit_price": "0.25"})
    story.plan("open", [fee("Open plan", "9.00"), calls], terms={"thresholds": ["50"]})
    story.subscribe("open")
    story.use("call", 210, START + timedelta(days=9))
    story.bill(START + timedelta(days=9, hours=1))
    story.use("call", 33, START + timedelta(days=20))
    story.bill(AFTER)
    return story.invoice()


def yen(database: Database) -> InvoiceDocument:
    """No decimals: 3 packages at 1,250 yen, and tax at 10 % in whole yen."""
    seller = replace(TAXED, legal_name="Mame Dori K.K.", country="JP", vat_id="", iban="", bic="", registration="")
    buyer = replace(ANN, name="Sakura Ando", country="JP", address={"line1": "2-1 Dogenzaka", "city": "Tokyo"})
    story = Story.begin(database, zone="Asia/Tokyo", currency="JPY", seller=seller, buyer=buyer)
    with story.unit() as unit:
        TaxRuleStore(unit).add(
            TaxRule(country="JP", rate_key="jct", percent=Decimal(10), valid_from=datetime(2019, 10, 1, tzinfo=UTC))
        )
    story.meter("roast")
    roasts = metered("roast", "Roasts", {"model": "package", "package_size": "10", "package_price": "1250"})
    story.plan("mame", [fee("Membership", "1980"), roasts], currency="JPY")
    story.subscribe("mame")
    story.use("roast", 23, START + timedelta(days=3))
    story.bill(AFTER)
    return story.invoice()


def dinar(database: Database) -> InvoiceDocument:
    """Three decimals: 1,234.5 gigabytes at 0.0125 dinar are 15.431."""
    seller = replace(SELLER, legal_name="Bean Street Kuwait", country="KW", vat_id="", iban="", bic="", registration="")
    buyer = replace(ANN, name="Noor Trading", country="KW", address={"line1": "Salem Al Mubarak 7", "city": "Salmiya"})
    story = Story.begin(database, zone="Asia/Kuwait", currency="KWD", seller=seller, buyer=buyer)
    story.meter("upload", "gb")
    uploads = metered("upload", "Storage", {"model": "per_unit", "unit_price": "0.0125"})
    story.plan("noor", [fee("Membership", "6.750"), uploads], currency="KWD")
    story.subscribe("noor")
    story.use("upload", 1, START + timedelta(days=3), gb="1234.5")
    story.bill(AFTER)
    return story.invoice()


def reverse_charge(database: Database) -> InvoiceDocument:
    """A French business with a valid VAT number: no tax, and the sentence that the directive asks for."""
    buyer = Customer(
        id="",
        key="ann",
        created_at=START,
        name="Torréfaction Lyonnaise SAS",
        email="compta@lyonnaise.example",
        country="FR",
        address={"line1": "8 rue Mercière", "postal_code": "69002", "city": "Lyon"},
        tax_id="FR40303265045",
        is_business=True,
    )
    story = Story.begin(database, seller=TAXED, buyer=buyer)
    story.plan("pro", [fee("Pro membership", "89.00")])
    story.subscribe("pro")
    return story.invoice()


def seats_and_coupon(database: Database) -> InvoiceDocument:
    """Seven seats in graduated tiers, half price for the first period by a phase, and 10 % off the invoice by a coupon."""
    story = Story.begin(database, seller=TAXED)
    tiers = [{"up_to": "5", "unit_price": "8"}, {"up_to": None, "unit_price": "6"}]
    seats = {"key": "seats", "name": "Seats", "price": {"model": "graduated", "tiers": tiers}, "per": "seat"}
    phase = {"name": "Welcome", "periods": 1, "percent_off": "50"}
    story.plan("team", [seats], terms={"quantity": "seats", "phases": [phase], "trial_days": 14})
    with story.unit() as unit:
        ten = {"key": "TEN", "name": "Ten percent", "percent": "10", "duration": {"periods": 2}}
        CouponStore(unit).add(CouponOffer(id=new_id("cpn"), key="TEN", document=ten, created_at=START))
    made = story.subscribe("team", seats=7)
    with story.unit() as unit:
        redeem(unit, made.id, "TEN", now=START)
    story.bill(START + timedelta(days=14))
    return story.invoice()


def corrections(database: Database) -> InvoiceDocument:
    """Two deliveries became known after February was billed and one was taken back: a line that names what it corrects."""
    story = Story.begin(database, seller=TAXED)
    story.meter("delivery")
    story.plan("plus", [fee("Plus membership", "19.00"), DELIVERIES])
    story.subscribe("plus")
    first = story.use("delivery", 14, START + timedelta(days=10))
    story.bill(AFTER)
    story.use("delivery", 2, START + timedelta(days=11), known=AFTER + timedelta(days=1))
    with story.unit() as unit:
        amend(unit, "shop", first[0], {"id": "a1", "source": "shop"}, now=AFTER + timedelta(days=2))
    story.bill(AFTER + timedelta(days=3))
    story.bill(datetime(2026, 4, 1, 9, tzinfo=UTC))
    return story.invoice()


def declared_prices(database: Database) -> InvoiceDocument:
    """Gold customers pay 20 % less for the fee, and what is used at night costs half; both are said on the lines."""
    story = Story.begin(database, seller=TAXED)
    story.meter("charge", "kwh")
    gold = {"name": "Gold", "when": {"segment": ["gold"]}, "then": {"percent_off": "20"}}
    night = {"name": "Night", "when": {"hours": ["22:00", "06:00"]}, "then": {"multiply": "0.5"}}
    power = metered("charge", "Charging", {"model": "per_unit", "unit_price": "0.49"}, rules=[night], floor="0.20")
    story.plan("drive", [fee("Drive", "25.00", rules=[gold]), power])
    made = story.subscribe("drive")
    with story.unit() as unit:
        facts = PricingContext(segments=frozenset({"gold"}), country="DE", zone="Europe/Berlin")
        set_facts(unit, made.id, facts, now=START + timedelta(hours=1))
    story.use("charge", 3, datetime(2026, 2, 10, 12, tzinfo=UTC), kwh="20.5")
    story.use("charge", 4, datetime(2026, 2, 11, 23, tzinfo=UTC), kwh="31")
    story.bill(AFTER)
    return story.invoice()


TWELVE: tuple[Callable[[Database], InvoiceDocument], ...] = (
    month_end_anchor,
    dst_month,
    mixed_tax,
    credit_and_wallet,
    commitment,
    progressive,
    yen,
    dinar,
    reverse_charge,
    seats_and_coupon,
    corrections,
    declared_prices,
)


@pytest.mark.parametrize("tell", TWELVE, ids=[tell.__name__ for tell in TWELVE])
def test_the_invoice_says_what_it_said(tell: Callable[[Database], InvoiceDocument], sqlite_database: Database) -> None:
    """Word for word; and it can be printed."""
    document = tell(sqlite_database)

    check_golden(tell.__name__, document)
    assert pdf_of(document).startswith(b"%PDF-")


def test_there_are_twelve() -> None:
    """So that none is lost on the way."""
    assert len({tell.__name__ for tell in TWELVE}) == 12
