"""Every sort of invoice is a valid e-invoice by the schema and the rules of EN 16931; what cannot be one is refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing.documents.einvoice.factur_x import xml_of
from billing.documents.einvoice.requirements import EInvoiceImpossibleError, EInvoiceIncompleteError
from billing.documents.page import Address, Means, Party, Settlement, Standing, TaxCategory, TaxMark, TaxTotal
from billing.kernel.money import Money
from tests.billing.documents import samples
from tests.billing.documents.samples import credit_note, invoice, line
from tests.billing.documents.schematron import breaches

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.documents.page import InvoiceDocument

_RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
_NAMELESS = replace(samples.SELLER, vat_id="", account=None)


def _inclusive() -> InvoiceDocument:
    """Two lines of 119.00 and 10.00 with 19 % within, a tenth off the first."""
    lines = (
        line("Course", "119.00", off=[("TENTH: 10 % off", "11.90")], unit_price="119.00"),
        line("Book", "10.00"),
    )
    nets = (Money(9000, "EUR"), Money(840, "EUR"))
    taxed = tuple(
        replace(one, position=place, net=net) for place, (one, net) in enumerate(zip(lines, nets, strict=True), 1)
    )
    total = TaxTotal(samples.VAT19, Money(9840, "EUR"), Money(1870, "EUR"))
    plain = invoice(line("x", "1.00"))
    return replace(plain, lines=taxed, taxes=(total,), inclusive=True, due=Money(11710, "EUR"))


CASES: dict[str, Callable[[], InvoiceDocument]] = {
    "one rate": lambda: invoice(line("Plus membership", "19.00", unit_price="19.00")),
    "most of what there is": samples.everything,
    "several rates": lambda: invoice(
        line("Plus", "19.00"), line("Guide", "7.50", mark=samples.VAT7), line("Beans", "3.33")
    ),
    "zero rate": lambda: invoice(line("Children's book", "9.99", mark=samples.ZERO)),
    "zero rate beside another": lambda: invoice(line("Book", "9.99", mark=samples.ZERO), line("Plus", "19.00")),
    "exempt": lambda: invoice(line("Course", "120.00", mark=samples.EXEMPT)),
    "exempt, seller without a VAT number": lambda: invoice(
        line("Course", "120.00", mark=samples.EXEMPT), seller=_NAMELESS
    ),
    "reverse charge": lambda: invoice(line("Plus membership", "19.00", mark=samples.REVERSE)),
    "export": lambda: invoice(
        line("Plus membership", "19.00", mark=samples.EXPORT),
        buyer=replace(
            samples.BUYER, vat_id="", address=Address(lines=("1 Main St",), city="Boston", region="MA", country="US")
        ),
    ),
    "not subject to VAT": lambda: invoice(line("Plus membership", "19.00", mark=None)),
    "not subject to VAT, unregistered": lambda: invoice(
        line("Plus membership", "19.00", mark=None), seller=replace(samples.SELLER, registration="")
    ),
    "small amounts": lambda: invoice(line("Calls", "0.01", quantity="3", unit_price="0.0021"), line("Calls", "0.02")),
    "discounts on several lines": lambda: invoice(
        line("Plus", "19.00", unit_price="19.00", off=[("FRIENDS: 5 % off", "0.95"), ("TEN: 10 € off", "6.28")]),
        line("Guide", "7.50", mark=samples.VAT7, off=[("TEN: 10 € off", "3.72")]),
    ),
    "a discount of everything": lambda: invoice(line("Plus", "19.00", off=[("FREE: 100 % off", "19.00")])),
    "nothing to pay": lambda: invoice(line("Free plan", "0.00", unit_price="0")),
    "no quantity used": lambda: invoice(line("Calls", "0.00", quantity="0", unit_price="1.50")),
    "a flat fee at no usage": lambda: invoice(line("Calls", "5.00", quantity="0")),
    "credit and prepaid": lambda: invoice(
        line("Plus", "19.00"), settled=[(Means.CREDIT, "5.00"), (Means.PREPAID, "3.50")]
    ),
    "all prepaid": lambda: invoice(line("Plus", "10.00"), settled=[(Means.PREPAID, "11.90")]),
    "a line below zero": lambda: invoice(line("Pro", "49.00"), line("Unused time on Plus", "-9.50", quantity="1")),
    "a total below zero": lambda: invoice(
        line("Starter", "9.00"), line("Unused time on Pro", "-49.00"), settled=[(Means.CREDIT, "-47.60")]
    ),
    "prices with tax within": _inclusive,
    "yen": lambda: invoice(line("Plus", "1234", currency="JPY", unit_price="1234"), line("Box", "77", currency="JPY")),
    "dollars on receipt": lambda: invoice(line("Plus", "19.00", currency="USD"), due_on=None),
    "no account": lambda: invoice(line("Plus", "19.00"), seller=replace(samples.SELLER, account=None)),
    "no period": lambda: invoice(line("Tasting box", "19.00"), span=None),
    "credit note": lambda: credit_note(line("Plus membership", "9.50", span=samples.FEBRUARY)),
    "credit note of a reverse charge": lambda: credit_note(line("Plus membership", "9.50", mark=samples.REVERSE)),
    "characters that XML cannot hold": lambda: invoice(line("Beans\x0b \x1b日本\uffff", "19.00")),
    "signs of markup": lambda: invoice(line('Beans & "Co" <b>', "19.00", detail=("a < b & c",))),
}


@pytest.mark.parametrize("name", CASES)
def test_an_invoice_is_valid_by_schema_and_rules(name: str) -> None:
    """The schema is checked while it is written, the rules here."""
    assert breaches(xml_of(CASES[name]())) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(10**7), 10**9),
            st.sampled_from([samples.VAT19, samples.VAT7, samples.ZERO]),
            st.integers(0, 100),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_lines_make_a_valid_e_invoice(drawn: list[tuple[int, TaxMark, int]]) -> None:
    """Sums and taxes of the product's own arithmetic satisfy the rules on totals, whatever the lines."""
    lines = [
        line(
            f"Line {place}",
            Money(minor, "EUR").text,
            mark=mark,
            off=[("OFF", Money(minor * percent // 100, "EUR").text)] if minor * percent >= 100 else (),
        )
        for place, (minor, mark, percent) in enumerate(drawn)
    ]

    assert breaches(xml_of(invoice(*lines))) == []


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("GrandTotalAmount>95.21", "GrandTotalAmount>95.20", "BR-CO-15"),
        ("DuePayableAmount>70.21", "DuePayableAmount>70.20", "BR-CO-16"),
        ("CalculatedAmount>13.92", "CalculatedAmount>15.92", "BR-CO-17"),
        ("TypeCode>380", "TypeCode>999", "TypeCode' is not allowed"),
    ],
)
def test_a_planted_mistake_is_reported(right: str, wrong: str, rule: str) -> None:
    """The rules that the cases pass can fail."""
    spoilt = xml_of(samples.everything()).decode().replace(f"ram:{right}", f"ram:{wrong}")

    found = breaches(spoilt.encode())

    assert any(rule in breach for breach in found), found


def test_the_figures_of_the_page_are_in_the_file() -> None:
    """Totals, prepaid and due, and the reference of a credit note."""
    root = etree.fromstring(xml_of(samples.everything()))
    note = etree.fromstring(xml_of(credit_note(line("Plus", "9.50"))))

    assert _text(root, "TaxBasisTotalAmount", "TaxTotalAmount", "GrandTotalAmount") == ["80.76", "14.45", "95.21"]
    assert _text(root, "TotalPrepaidAmount", "DuePayableAmount") == ["25.00", "70.21"]
    assert _text(note, "InvoiceReferencedDocument") == ["INV-000042 20260228"]
    assert note.findtext(f".//{_RAM}TypeCode") == "381"


def test_reverse_charge_says_why_in_the_language_of_the_document() -> None:
    """Category AE, its code and a sentence."""
    file = etree.fromstring(xml_of(invoice(line("Plus", "19.00", mark=samples.REVERSE), language="de")))

    assert _text(file, "ExemptionReasonCode") == ["VATEX-EU-AE"]
    assert "Steuerschuldnerschaft" in _text(file, "ExemptionReason")[0]


def test_what_is_paid_later_does_not_change_the_file() -> None:
    """The e-invoice is what was asked for at issue."""
    issued = invoice(line("Plus", "19.00"))
    settlement = Settlement(Means.PAYMENTS, issued.total)
    paid = replace(issued, standing=Standing.PAID, settlements=(settlement,), due=Money.zero("EUR"))

    assert xml_of(paid) == xml_of(issued)


def test_the_unit_price_is_kept_where_it_makes_the_amount_and_stated_for_the_quantity_where_not() -> None:
    """1234567 calls at 0.00002 round to 24.69; 35 deliveries of tiers are 37.50 for 35."""
    root = etree.fromstring(xml_of(samples.everything()))

    prices = [element.text for element in root.iter(f"{_RAM}ChargeAmount")]
    bases = [element.text for element in root.iter(f"{_RAM}BasisQuantity")]

    assert prices == ["19", "37.5", "0.00002", "4.18", "7.5"]
    assert bases == ["35"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (invoice(line("Plus", "1.234", currency="KWD", mark=None)), "KWD have 3 decimals"),
        (invoice(line("Plus", "1.00", currency="BGN")), "no longer in the list"),
        (replace(samples.everything(), standing=Standing.DRAFT, number=""), "draft"),
        (replace(samples.everything(), standing=Standing.VOID), "void"),
        (invoice(line("Plus", "1.00"), line("Tip", "1.00", mark=None)), "not subject to VAT"),
        (
            invoice(
                replace(line("Plus", "1.00"), taxes=(samples.VAT19, TaxMark(TaxCategory.STANDARD, Decimal(2), "city")))
            ),
            "several taxes",
        ),
    ],
)
def test_what_can_be_no_e_invoice_is_refused(document: InvoiceDocument, words: str) -> None:
    """The sentence says why, and the PDF is still there (see the tests of files)."""
    with pytest.raises(EInvoiceImpossibleError, match=words):
        xml_of(document)


def test_every_missing_field_is_named_with_the_way_to_set_it() -> None:
    """All at once, not one after the other."""
    nobody = invoice(
        line("Plus", "19.00", mark=samples.REVERSE),
        seller=Party(name="Bean Street", address=Address()),
        buyer=Party(name="ann", address=Address()),
    )

    with pytest.raises(EInvoiceIncompleteError) as caught:
        xml_of(nobody)

    assert caught.value.facts["missing"] == [
        {"field": "seller.country", "set_by": "PUT /v1/profile"},
        {"field": "buyer.country", "set_by": "POST /v1/customers"},
        {"field": "seller.vat_id", "set_by": "PUT /v1/profile"},
        {"field": "buyer.tax_id", "set_by": "POST /v1/customers"},
    ]
    assert "PUT /v1/profile" in caught.value.detail


def _text(root: etree._Element, *names: str) -> list[str]:
    return [
        " ".join("".join(found.itertext()).split()) for name in names for found in list(root.iter(f"{_RAM}{name}"))[-1:]
    ]
