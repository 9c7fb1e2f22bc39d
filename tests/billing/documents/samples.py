"""Documents for tests: parties, lines and whole invoices whose figures are made by the product's own tax arithmetic."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.documents.page import (
    Address,
    BankAccount,
    DocumentKind,
    DocumentLine,
    InvoiceDocument,
    Means,
    Party,
    Reduction,
    Settlement,
    Span,
    Standing,
    TaxCategory,
    TaxMark,
    TaxTotal,
)
from billing.kernel.money import Money
from billing.pricing.tax import Taxable, TaxRate, TaxTreatment, tax_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

SELLER = Party(
    name="Bean Street GmbH",
    address=Address(lines=("Lindenallee 12",), postcode="10115", city="Berlin", country="DE"),
    vat_id="DE136695976",
    registration="HRB 12345 B",
    email="billing@beanstreet.example",
    account=BankAccount(iban="DE89370400440532013000", bic="COBADEFFXXX"),
)
BUYER = Party(
    name="Ann Archer",
    address=Address(lines=("7 Rue des Lilas",), postcode="75011", city="Paris", country="FR"),
    vat_id="FR40303265045",
    email="ann@example.org",
)
FEBRUARY = Span(date(2026, 1, 31), date(2026, 2, 27))
VAT19 = TaxMark(TaxCategory.STANDARD, Decimal(19))
VAT7 = TaxMark(TaxCategory.STANDARD, Decimal(7))
ZERO = TaxMark(TaxCategory.ZERO, Decimal(0))
EXEMPT = TaxMark(TaxCategory.EXEMPT, Decimal(0), reason="Small business, § 19 UStG: no VAT is charged.")
REVERSE = TaxMark(TaxCategory.REVERSE_CHARGE, Decimal(0))
EXPORT = TaxMark(TaxCategory.EXPORT, Decimal(0))
OUTSIDE = TaxMark(TaxCategory.OUTSIDE, Decimal(0))


def line(
    description: str,
    amount: str,
    *,
    mark: TaxMark | None = VAT19,
    currency: str = "EUR",
    quantity: str | None = "1",
    unit_price: str | None = None,
    off: Sequence[tuple[str, str]] = (),
    **given: Any,
) -> DocumentLine:
    """A line of a net price, its position to be given by `invoice`."""
    shown = Money.of(amount, currency)
    reductions = tuple(Reduction(text, Money.of(cut, currency)) for text, cut in off)
    return DocumentLine(
        position=0,
        description=description,
        amount=shown,
        net=sum((-reduction.amount for reduction in reductions), shown),
        quantity=None if quantity is None else Decimal(quantity),
        unit_price=None if unit_price is None else Decimal(unit_price),
        reductions=reductions,
        taxes=() if mark is None else (mark,),
        **given,
    )


def invoice(*lines: DocumentLine, settled: Sequence[tuple[Means, str]] = (), **given: Any) -> InvoiceDocument:
    """An issued invoice over these lines, taxed once a rate; `given` replaces what it would say otherwise."""
    currency = lines[0].amount.currency
    taxes = totals(lines, currency)
    total = sum((row.tax for row in taxes), sum((one.net for one in lines), Money.zero(currency)))
    settlements = tuple(Settlement(means, Money.of(amount, currency)) for means, amount in settled)
    due = max(total - sum((one.amount for one in settlements), Money.zero(currency)), Money.zero(currency))
    made = InvoiceDocument(
        kind=DocumentKind.INVOICE,
        standing=Standing.OPEN,
        number="INV-000042",
        issued_on=date(2026, 2, 28),
        due_on=date(2026, 3, 14),
        paid_on=None,
        seller=SELLER,
        buyer=BUYER,
        currency=currency,
        lines=tuple(replace(one, position=place) for place, one in enumerate(lines, start=1)),
        taxes=taxes,
        due=due,
        settlements=settlements,
        span=FEBRUARY,
    )
    return replace(made, **given)


def credit_note(*lines: DocumentLine, **given: Any) -> InvoiceDocument:
    """A credit note that corrects INV-000042."""
    return invoice(
        *lines,
        **{
            "kind": DocumentKind.CREDIT_NOTE,
            "number": "CN-000003",
            "due_on": None,
            "due": Money.zero(lines[0].amount.currency),
            "preceding": ("INV-000042", date(2026, 2, 28)),
            "issued_on": date(2026, 3, 5),
            **given,
        },
    )


def totals(lines: Sequence[DocumentLine], currency: str) -> tuple[TaxTotal, ...]:
    """The taxes of lines that carry one mark each, rounded once a rate."""
    marks = list(dict.fromkeys(mark for one in lines for mark in one.taxes))
    rates = {mark: TaxRate(f"rate_{place}", mark.percent) for place, mark in enumerate(marks)}
    taxed = tax_lines(
        [Taxable(one.net, TaxTreatment(tuple(rates[mark] for mark in one.taxes))) for one in lines], currency
    )
    by_rate = {rate: mark for mark, rate in rates.items()}
    return tuple(TaxTotal(by_rate[row.rate], row.base, row.tax) for row in taxed.totals)


def everything() -> InvoiceDocument:
    """A document with most of what a document can have."""
    return invoice(
        line("Plus membership", "19.00", unit_price="19.00", span=Span(date(2026, 2, 28), date(2026, 3, 30))),
        line(
            "Deliveries",
            "37.50",
            quantity="35",
            span=FEBRUARY,
            detail=("First 10 at €0.00", "25 more at €1.50"),
            off=[("WELCOME: 10 % off", "3.75")],
        ),
        line("API calls", "24.69", quantity="1234567", unit_price="0.00002", span=FEBRUARY),
        line("Unused time on Starter after 14 Feb 2026", "-4.18", quantity=None, span=FEBRUARY),
        line("Tasting box (printed guide)", "7.50", mark=VAT7, unit_price="7.50"),
        settled=[(Means.PREPAID, "20.00"), (Means.CREDIT, "5.00")],
        notes=("Payable within 14 days without deduction. Thank you for being a customer.",),
    )
