"""A document in the business terms of EN 16931 (BT and BG numbers), as text, ready to be written in any syntax. Pure.

Choices that the standard leaves open: discounts are allowances of their lines, where they were shared out; a line whose unit price does
not make its amount (tiers, shares of a period) states its amount for its whole quantity (BT-149); a line below zero has a quantity below
zero, as prices may not be. Only what paid while the invoice was issued is prepaid (BT-113), so the e-invoice never changes afterwards.
A price that includes its tax is stated without it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.documents.einvoice.requirements import categories
from billing.documents.page import AT_ISSUE, DocumentKind, TaxCategory, TaxMark
from billing.documents.words import word
from billing.kernel.money import Money, format_quantity

if TYPE_CHECKING:
    from billing.documents.page import DocumentLine, InvoiceDocument, Party

_OUTSIDE = TaxMark(TaxCategory.OUTSIDE, Decimal(0))
_VATEX = {
    TaxCategory.REVERSE_CHARGE: "VATEX-EU-AE",
    TaxCategory.EXPORT: "VATEX-EU-G",
    TaxCategory.OUTSIDE: "VATEX-EU-O",
}
_DISCOUNT = "95"  # UNTDID 5189
_SEPA_TRANSFER, _TRANSFER = "58", "30"  # UNTDID 4461
_MAX_NAME = 500


def terms(document: InvoiceDocument) -> dict[str, Any]:
    """The terms by their numbers; the document has passed `requirements.check`."""
    asked = document.total - _prepaid(document)
    found: dict[str, Any] = {
        "BT-1": document.number,
        "BT-2": document.issued_on,
        "BT-3": "381" if document.kind is DocumentKind.CREDIT_NOTE else "380",
        "BT-5": document.currency,
        "BG-4": _party(document.seller, document),
        "BG-7": _party(document.buyer, document),
        "BG-23": [_tax(total, document) for total in _tax_totals(document)],
        "BG-25": [_line(line, document) for line in document.lines],
        "BT-106": document.net.text,
        "BT-109": document.net.text,
        "BT-110": document.tax.text,
        "BT-112": document.total.text,
        "BT-113": _prepaid(document).text,
        "BT-115": asked.text,
    }
    found.update(_dates(document))
    if document.notes:
        found["BG-1"] = [{"BT-22": note} for note in document.notes]
    if document.preceding is not None:
        number, day = document.preceding
        found["BG-3"] = [{"BT-25": number, "BT-26": day}]
    if document.kind is DocumentKind.INVOICE and asked.amount_minor > 0:
        found.update(_payment(document))
    return found


def _prepaid(document: InvoiceDocument) -> Money:
    at_issue = (settlement.amount for settlement in document.settlements if settlement.means in AT_ISSUE)
    return sum(at_issue, Money.zero(document.currency))


def _dates(document: InvoiceDocument) -> dict[str, Any]:
    """The period that was served, and its last day as the day of delivery; the day of issue where there is no period."""
    if document.span is None:
        return {"BT-72": document.issued_on}
    return {"BT-72": document.span.last, "BT-73": document.span.first, "BT-74": document.span.last}


def _payment(document: InvoiceDocument) -> dict[str, Any]:
    due: dict[str, Any] = (
        {"BT-20": word("on_receipt", document.language)} if document.due_on is None else {"BT-9": document.due_on}
    )
    account = document.seller.account
    if account is None:
        return due
    means = _SEPA_TRANSFER if document.currency == "EUR" else _TRANSFER
    paid_to = {
        "BT-81": means,
        "BT-83": document.number,
        "BT-84": account.iban.replace(" ", ""),
        "BT-85": document.seller.name,
    }
    return {**due, **paid_to, **({"BT-86": account.bic} if account.bic else {})}


def _party(party: Party, document: InvoiceDocument) -> dict[str, Any]:
    address = party.address
    lines = [*address.lines[:2], ", ".join(address.lines[2:])]
    found: dict[str, Any] = {
        "name": party.name,
        "country_code": address.country,
        "city": address.city,
        "postcode": address.postcode,
        "country_subdivision": address.region,
        **{f"addr_l{place}": line for place, line in enumerate(lines, start=1) if line},
    }
    if party.email:
        found |= {"einvoicing_addr": party.email, "einvoicing_addr_schemeid": "EM"}
    return {**found, **_identifiers(party, document)}


def _identifiers(party: Party, document: InvoiceDocument) -> dict[str, Any]:
    """How a party is identified. What is not subject to VAT names no VAT number (BR-O-02), so a seller's stands there as a plain one."""
    found: dict[str, Any] = {"legal_identifier": party.registration} if party.registration else {}
    if categories(document) == {TaxCategory.OUTSIDE}:
        is_needed = party is document.seller and not party.registration
        return {**found, "identifiers": {None: party.vat_id}} if is_needed else found
    if party.vat_id:
        return {**found, "vat_identifier": party.vat_id.replace(" ", "")}
    if party is document.seller and party.registration:
        return {**found, "tax_identifier": party.registration}
    return found


def _tax_totals(document: InvoiceDocument) -> list[tuple[TaxMark, Money, Money]]:
    """Base and tax by category and rate, as the standard groups them, names aside."""
    zero = Money.zero(document.currency)
    sums: dict[tuple[TaxCategory, Decimal], tuple[TaxMark, Money, Money]] = {}
    for line in document.lines:
        mark = _mark(line)
        first, base, tax = sums.get((mark.category, mark.percent), (mark, zero, zero))
        sums[mark.category, mark.percent] = (first, base + line.net, tax)
    for total in document.taxes:
        key = (total.mark.category, total.mark.percent)
        first, base, tax = sums[key]
        sums[key] = (first, base, tax + total.tax)
    return list(sums.values())


def _tax(total: tuple[TaxMark, Money, Money], document: InvoiceDocument) -> dict[str, Any]:
    mark, base, tax = total
    found = {"BT-116": base.text, "BT-117": tax.text, "BT-118": mark.category.code}
    if mark.category is not TaxCategory.OUTSIDE:
        found["BT-119"] = format_quantity(mark.percent)
    if mark.category not in {TaxCategory.STANDARD, TaxCategory.ZERO}:
        found["BT-120"] = mark.reason or word(mark.category.value, document.language)
    if mark.category in _VATEX:
        found["BT-121"] = _VATEX[mark.category]
    return found


def _line(line: DocumentLine, document: InvoiceDocument) -> dict[str, Any]:
    mark = _mark(line)
    priced = line.net if document.inclusive else line.amount
    quantity, price, basis = _price(line, priced, is_stated=not document.inclusive)
    found: dict[str, Any] = {
        "BT-126": str(line.position),
        "BT-153": line.description[:_MAX_NAME],
        "BT-129": format_quantity(quantity),
        "BT-130": line.unit,
        "BT-131": line.net.text,
        "BT-146": format_quantity(price),
        "BT-151": mark.category.code,
    }
    if basis != 1:
        found |= {"BT-149": format_quantity(basis)}
    if mark.category is not TaxCategory.OUTSIDE:
        found["BT-152"] = format_quantity(mark.percent)
    if line.detail:
        found["BT-154"] = "; ".join(line.detail)
    if line.span is not None:
        found |= {"BT-134": line.span.first, "BT-135": line.span.last}
    if line.reductions and not document.inclusive:
        found["BG-27"] = [
            {"amount": reduction.amount.text, "reason": reduction.text, "reason_code": _DISCOUNT}
            for reduction in line.reductions
        ]
    return found


def _price(line: DocumentLine, amount: Money, *, is_stated: bool) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, price and the quantity that the price is for, so that quantity x price / basis rounds to the amount."""
    quantity = abs(line.quantity) if line.quantity else Decimal(1)
    signed = -quantity if amount.amount_minor < 0 else quantity
    price = None if line.unit_price is None or not is_stated else abs(line.unit_price)
    if price is not None and Money.round(quantity * price, amount.currency).amount_minor == abs(amount.amount_minor):
        return signed, price, Decimal(1)
    return signed, abs(amount.to_decimal()), quantity


def _mark(line: DocumentLine) -> TaxMark:
    return line.taxes[0] if line.taxes else _OUTSIDE
