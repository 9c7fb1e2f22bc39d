"""From the product's own invoices to documents: every figure is the invoice's, whatever came off it and however it is taxed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.customer import Customer
from billing.documents.einvoice.factur_x import xml_of
from billing.documents.file import pdf_of
from billing.documents.from_invoice import Frame, credit_document, document_of
from billing.documents.page import InvoiceDocument, Means, Span, Standing, TaxCategory
from billing.documents.parties import buyer_document, buyer_of, read_party, seller_document
from billing.documents.stages import stages
from billing.invoices.invoice import Invoice, InvoiceLine, InvoiceStatus
from billing.invoices.settlement import Settlement, settled
from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.pricing.discount import Coupon, Level, PercentOff
from billing.pricing.quote import priced
from billing.pricing.registry import parse_charge
from billing.pricing.tax import TaxRate, TaxTreatment
from billing.pricing.tax_rules import Category, TaxDecision
from billing.tenants.profile.seller import SellerProfile
from tests.billing.documents import samples
from tests.billing.documents.schematron import breaches

_FRAME = Frame(seller=samples.SELLER, buyer=samples.BUYER, zone=ZoneInfo("Europe/Berlin"))
_PERIOD = Period(datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC))
_ZERO = Money.zero("EUR")
_FEE: dict[str, object] = {"key": "fee", "name": "Plus membership", "price": {"model": "flat", "amount": "19.00"}}
_USAGE: dict[str, object] = {
    "key": "deliveries",
    "name": "Deliveries",
    "meter": "deliveries",
    "price": {
        "model": "graduated",
        "tiers": [{"up_to": "10", "unit_price": "0"}, {"up_to": None, "unit_price": "1.50"}],
    },
}
_STANDARD = TaxDecision(TaxTreatment((TaxRate("vat_de", Decimal(19)),)), Category.STANDARD)
_WITHIN = TaxDecision(TaxTreatment((TaxRate("vat_de", Decimal(19)),), inclusive=True), Category.STANDARD)
_REVERSE = TaxDecision(
    TaxTreatment((TaxRate("vat_reverse", Decimal(0)),)), Category.REVERSE_CHARGE, "Reverse charge, Article 196."
)


def _line(charge: dict[str, object], quantity: str, kind: str) -> InvoiceLine:
    found = priced(parse_charge(charge), Decimal(quantity), "EUR", period=_PERIOD)
    return InvoiceLine.untaxed(f"{kind}:{found.key}", kind, found.amount, version_id="v1", document=found.to_document())


def _invoice(tax: TaxDecision | None = None, off: str | None = None, quantity: str = "35") -> Invoice:
    """An issued invoice of a fee and of tiered usage."""
    made = Invoice(
        id="inv_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        sequence=0,
        status=InvoiceStatus.DRAFT,
        currency="EUR",
        period=_PERIOD,
        version_ids=("v1",),
        closes_at=_PERIOD.end,
        created_at=_PERIOD.end,
        credit=_ZERO,
        prepaid=_ZERO,
        paid=_ZERO,
        credited=_ZERO,
        lines=(_line(_FEE, "1", "recurring"), _line(_USAGE, quantity, "usage")),
    )
    coupons = (Coupon(key="WELCOME", worth=PercentOff(Decimal(off)), level=Level.INVOICE),) if off else ()
    rules = Settlement(plan_of={"v1": "plus"}, coupons=coupons)
    rules = rules if tax is None else replace(rules, tax_of=lambda _line: tax)
    return settled(made, rules).moved_to(InvoiceStatus.ISSUED, _PERIOD.end, number="INV-000007")


@pytest.mark.parametrize("tax", [None, _STANDARD, _WITHIN, _REVERSE])
@given(off=st.sampled_from([None, "10", "33.3", "100"]), quantity=st.integers(0, 5000))
def test_the_document_says_what_the_invoice_says(tax: TaxDecision | None, off: str | None, quantity: int) -> None:
    """Net, tax, total and due, for every tax and discount; and its e-invoice is valid by the schema."""
    invoice = _invoice(tax, off, str(quantity))

    document = document_of(invoice, _FRAME)

    assert (document.net, document.tax, document.total) == (invoice.net, invoice.tax, invoice.total)
    assert document.due == invoice.amount_due
    assert xml_of(document)


@pytest.mark.parametrize("tax", [None, _STANDARD, _WITHIN, _REVERSE])
@pytest.mark.parametrize("off", [None, "10"])
def test_the_e_invoice_of_a_real_invoice_keeps_the_rules(tax: TaxDecision | None, off: str | None) -> None:
    """By Schematron."""
    assert breaches(xml_of(document_of(_invoice(tax, off), _FRAME))) == []


def test_lines_show_their_working_their_days_and_what_came_off() -> None:
    """Days are those of the shop's zone, the last one included."""
    document = document_of(_invoice(_STANDARD, "10"), _FRAME)

    fee, usage = document.lines
    assert fee.span == Span(date(2026, 2, 1), date(2026, 2, 28))
    assert (document.issued_on, document.span) == (date(2026, 3, 1), fee.span)
    assert usage.detail == ("10 × €0.00 (tier 1, above 0 up to 10 units)", "25 × €1.50 (tier 2, above 10 units)")
    assert [reduction.text for reduction in usage.reductions] == ["WELCOME: 10 % off"]
    assert (usage.reductions[0].amount, usage.net) == (Money(375, "EUR"), Money(3375, "EUR"))
    assert not document.inclusive


def test_prices_with_tax_within_are_shown_so() -> None:
    """The lines add up to the total, of which the tax is a part."""
    document = document_of(_invoice(_WITHIN), _FRAME)

    assert document.inclusive
    assert document.subtotal == document.total == Money(5650, "EUR")
    assert "of which VAT 19%" in _words(document)


def test_the_reason_of_a_reverse_charge_is_the_one_that_was_kept() -> None:
    """And stands on the page once."""
    document = document_of(_invoice(_REVERSE), _FRAME)

    assert document.taxes[0].mark.category is TaxCategory.REVERSE_CHARGE
    assert document.taxes[0].mark.reason == "Reverse charge, Article 196."
    assert document.notes == ()


def test_what_pays_is_shown_by_its_means() -> None:
    """In the order of money."""
    invoice = replace(_invoice(), credit=Money(500, "EUR"), prepaid=Money(1000, "EUR"), paid=Money(150, "EUR"))

    document = document_of(replace(invoice, status=InvoiceStatus.PARTLY_PAID), _FRAME)

    assert [(one.means, one.amount.amount_minor) for one in document.settlements] == [
        (Means.CREDIT, 500),
        (Means.PREPAID, 1000),
        (Means.PAYMENTS, 150),
    ]
    assert document.due == Money(4000, "EUR")


def test_a_total_below_zero_is_carried_to_the_account() -> None:
    """Nothing is asked for."""
    back = InvoiceLine.untaxed("change:x", "change", Money(-8000, "EUR"), version_id="v1", document={})
    invoice = replace(_invoice(), lines=(*_invoice().lines, back))

    document = document_of(invoice, _FRAME)

    assert document.total == Money(-2350, "EUR")
    assert document.due == _ZERO
    assert "Carried to your account" in _words(document)
    assert breaches(xml_of(document)) == []


@pytest.mark.parametrize("tax", [None, _STANDARD, _WITHIN, _REVERSE])
def test_a_credit_note_gives_back_lines_with_their_taxes(tax: TaxDecision | None) -> None:
    """All lines given back come to the total of the invoice, name it, and make a valid e-invoice of type 381."""
    invoice = _invoice(tax)

    note = credit_document(invoice, _FRAME, number="CN-000001", issued_at=_PERIOD.end, lines=invoice.lines)

    assert (note.net, note.tax, note.total) == (invoice.net, invoice.tax, invoice.total)
    assert note.preceding == ("INV-000007", date(2026, 3, 1))
    assert b"<ram:TypeCode>381</ram:TypeCode>" in xml_of(note)
    assert breaches(xml_of(note)) == []


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        (InvoiceStatus.IN_GRACE, Standing.DRAFT),
        (InvoiceStatus.FAILED, Standing.DRAFT),
        (InvoiceStatus.ISSUED, Standing.OPEN),
        (InvoiceStatus.UNCOLLECTIBLE, Standing.OPEN),
        (InvoiceStatus.PAID, Standing.PAID),
        (InvoiceStatus.VOID, Standing.VOID),
    ],
)
def test_every_state_has_its_standing_and_its_page(status: InvoiceStatus, standing: Standing) -> None:
    """None fails to be drawn."""
    document = document_of(replace(_invoice(_STANDARD), status=status), _FRAME)

    assert document.standing is standing
    assert pdf_of(document).startswith(b"%PDF-1.7")


def test_parties_are_those_that_were_kept_and_else_the_present_ones() -> None:
    """By the forms that the profile and the customer have; nothing in a form makes it fail."""
    profile = SellerProfile(
        legal_name="Bean Street GmbH",
        line1="Lindenallee 12",
        postal_code="10115",
        city="Berlin",
        country="DE",
        vat_id="DE136695976",
        registration="HRB 12345 B",
        email="billing@beanstreet.example",
        iban="DE89370400440532013000",
        bic="COBADEFFXXX",
    )
    ann = Customer(
        id="cus_1",
        key="ann",
        created_at=_PERIOD.end,
        name="Ann Archer",
        email="ann@example.org",
        country="FR",
        tax_id="FR40303265045",
        address={"line1": "7 Rue des Lilas", "postal_code": "75011", "city": "Paris"},
    )

    assert read_party(seller_document(profile)) == samples.SELLER
    assert buyer_of({}, ann) == samples.BUYER
    assert buyer_of({"buyer": {**buyer_document(ann), "name": "Ann Before"}}, ann).name == "Ann Before"
    assert buyer_of({}, Customer(id="cus_2", key="bob", created_at=_PERIOD.end)).name == "bob"
    assert read_party({"name": 7, "line1": None, "iban": None}).name == ""


def _words(document: InvoiceDocument) -> str:
    return " ".join(stage.words for stage in stages(document))
