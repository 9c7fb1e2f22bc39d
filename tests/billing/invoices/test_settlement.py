"""Coupons, limits and taxes on an invoice's lines: the lines, the stages and the totals say the same, to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.invoices.invoice import Invoice, InvoiceLine, InvoiceStatus
from billing.invoices.settlement import Settlement, settled
from billing.kernel.money import Money
from billing.pricing.commitment import SpendLimits
from billing.pricing.discount import AmountOff, Coupon, PercentOff
from billing.pricing.item import Scope
from billing.pricing.tax import TaxRate, TaxTreatment
from billing.pricing.tax_rules import Category, TaxDecision

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ZERO = Money.zero("EUR")
VAT = TaxTreatment((TaxRate("vat_de", Decimal(19)),))
BOOKS = TaxTreatment((TaxRate("vat_de_reduced", Decimal(7)),), inclusive=True)
PLANS = {"pv_1": "plus", "pv_2": "books"}


def _draft(*lines: tuple[str, str, int]) -> Invoice:
    return Invoice(
        id="inv_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        sequence=1,
        status=InvoiceStatus.DRAFT,
        currency="EUR",
        period=None,
        version_ids=("pv_1",),
        closes_at=NOW,
        created_at=NOW,
        credit=ZERO,
        prepaid=ZERO,
        paid=ZERO,
        credited=ZERO,
        lines=tuple(
            InvoiceLine.untaxed(
                f"{kind}:{place}",
                kind,
                Money(minor, "EUR"),
                version_id=version,
                document={"key": f"{kind}{place}", "description": kind, "trace": []},
            )
            for place, (kind, version, minor) in enumerate(lines)
        ),
    )


def _tax_of(line: InvoiceLine) -> TaxDecision:
    if line.version_id == "pv_2":
        return TaxDecision(BOOKS, Category.STANDARD)
    return TaxDecision(VAT, Category.STANDARD, "VAT by German law")


def test_a_coupon_then_tax_by_hand() -> None:
    """19.00 and 3.00 usage, 10 % off the invoice: 19.80 net, 3.76 tax, 23.56 in all; every stage is in the summary."""
    rules = Settlement(plan_of=PLANS, coupons=(Coupon(key="TEN", worth=PercentOff(Decimal(10))),), tax_of=_tax_of)

    invoice = settled(_draft(("recurring", "pv_1", 1900), ("usage", "pv_1", 300)), rules)

    assert (invoice.net.text, invoice.tax.text, invoice.total.text) == ("19.80", "3.76", "23.56")
    assert [line.net.text for line in invoice.lines] == ["17.10", "2.70"]
    assert [stage["rule"] for stage in invoice.summary["stages"]] == ["charges", "invoice_discounts", "tax"]
    assert invoice.summary["coupons"] == [
        {"key": "TEN", "amount": {"amount": "2.20", "currency": "EUR"}, "unused": {"amount": "0.00", "currency": "EUR"}}
    ]
    assert invoice.summary["taxes"][0]["tax"] == {"amount": "3.76", "currency": "EUR"}
    assert invoice.summary["notes"] == ["VAT by German law"]


def test_a_minimum_adds_a_line_of_its_own() -> None:
    """Usage of 3.00 where 10.00 were promised: a line of 7.00 under the plan it belongs to."""
    limits = SpendLimits(
        key="minimum",
        currency="EUR",
        minimum=Money(1000, "EUR"),
        scope=Scope(charges=frozenset({"usage0"})),
        plan="plus",
    )

    invoice = settled(_draft(("usage", "pv_1", 300)), Settlement(plan_of=PLANS, limits=(limits,)))

    assert [(line.kind, line.amount.text, line.version_id) for line in invoice.lines] == [
        ("usage", "3.00", "pv_1"),
        ("commitment", "7.00", "pv_1"),
    ]
    assert invoice.total.text == "10.00"


def test_without_rules_nothing_moves() -> None:
    """The very same invoice comes back."""
    draft = _draft(("recurring", "pv_1", 1900))

    assert settled(draft, Settlement(plan_of=PLANS)) is draft


_LINES = st.lists(
    st.tuples(
        st.sampled_from(["recurring", "usage", "change"]), st.sampled_from(["pv_1", "pv_2"]), st.integers(-5000, 9000)
    ),
    min_size=1,
    max_size=8,
)


@given(_LINES, st.integers(1, 100), st.integers(1, 5000))
def test_lines_stages_and_totals_agree(lines: list[tuple[str, str, int]], percent: int, off: int) -> None:
    """Whatever is on it: nets and taxes sum to the total, taxes by rate to the tax, and what a line lost is what its cuts say."""
    coupons = (
        Coupon(key="P", worth=PercentOff(Decimal(percent))),
        Coupon(key="A", worth=AmountOff(Money(off, "EUR")), scope=Scope(plans=frozenset({"plus"}))),
    )
    invoice = settled(_draft(*lines), Settlement(plan_of=PLANS, coupons=coupons, tax_of=_tax_of))

    by_rate = sum(Decimal(tax["tax"]["amount"]) for tax in invoice.summary["taxes"])
    assert by_rate == invoice.tax.to_decimal()
    stages = sum(Decimal(stage["amount"]) for stage in invoice.summary["stages"])
    assert stages == max(invoice.total, ZERO).to_decimal()
    for line in invoice.lines:
        cuts = sum(Decimal(cut["amount"]["amount"]) for cut in line.document.get("cuts", []))
        gross = line.net + line.tax if line.version_id == "pv_2" else line.net
        assert gross.to_decimal() == line.amount.to_decimal() + cuts


def test_the_same_twice_is_the_same() -> None:
    """Settling is a function: the same draft and rules give the same invoice."""
    rules = Settlement(plan_of=PLANS, coupons=(Coupon(key="TEN", worth=PercentOff(Decimal(10))),), tax_of=_tax_of)
    draft = _draft(("recurring", "pv_1", 1999), ("usage", "pv_2", 333))

    assert settled(draft, rules) == settled(replace(draft), rules)


def test_an_inclusive_price_without_tax_is_what_remains_of_it() -> None:
    """119.00 with 19 % in it, sold abroad under reverse charge: 100.00 net, no tax, and the line says what was taken out."""
    abroad = TaxDecision(
        TaxTreatment((TaxRate("reverse_charge", Decimal(0)),)),
        Category.REVERSE_CHARGE,
        "Reverse charge",
        taken_out=TaxRate("vat_de", Decimal(19)),
    )

    invoice = settled(_draft(("recurring", "pv_1", 11900)), Settlement(plan_of=PLANS, tax_of=lambda _: abroad))

    assert (invoice.net.text, invoice.tax.text, invoice.total.text) == ("100.00", "0.00", "100.00")
    assert invoice.lines[0].document["cuts"][0]["amount"] == {"amount": "-19.00", "currency": "EUR"}
    assert invoice.summary["taxes"][0]["category"] == "reverse_charge"
    assert invoice.summary["notes"] == ["Reverse charge"]
