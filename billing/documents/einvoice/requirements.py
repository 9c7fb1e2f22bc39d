"""What an e-invoice needs that a page for people can do without. Every lack is named at once, with the way to mend it.

Source: EN 16931-1, business rules BR-2 to BR-65, BR-CO-26 (the seller can be identified), BR-DEC (two decimals at most), BR-O-11 to 14
(what is not subject to VAT stands alone), BR-AE-02 (both parties of a reverse charge are known to the tax office).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.page import Standing, TaxCategory
from billing.kernel.errors import ConflictError
from billing.kernel.money import exponent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.page import InvoiceDocument

_MOST_DECIMALS = 2
_PROFILE = "PUT /v1/profile"
_CUSTOMER = "POST /v1/customers"


class EInvoiceImpossibleError(ConflictError):
    """This document can be no e-invoice, whatever is filled in; its PDF can still be had."""

    code = "e_invoice_impossible"


class EInvoiceIncompleteError(ConflictError):
    """Something that an e-invoice must say is not known yet; `missing` names each field and where it is set."""

    code = "e_invoice_incomplete"


def check(document: InvoiceDocument) -> None:
    """Refuse what can be no e-invoice, then what lacks something."""
    _check_possible(document)
    missing = [{"field": field, "set_by": way} for field, way in _missing(document)]
    if missing:
        names = ", ".join(lack["field"] for lack in missing)
        ways = " and ".join(dict.fromkeys(lack["set_by"] for lack in missing))
        raise EInvoiceIncompleteError(
            f"an e-invoice must say {names}; set what is missing with {ways}; invoices issued afterwards have it",
            invoice=document.number,
            missing=missing,
        )


def categories(document: InvoiceDocument) -> set[TaxCategory]:
    """The categories of its lines; a line without a tax is outside of all."""
    return {
        category
        for line in document.lines
        for category in ([mark.category for mark in line.taxes] or [TaxCategory.OUTSIDE])
    }


def _check_possible(document: InvoiceDocument) -> None:
    if document.standing is Standing.DRAFT or not document.number:
        raise EInvoiceImpossibleError("a draft has no number yet; an e-invoice can be had once it is issued")
    if document.standing is Standing.VOID:
        raise EInvoiceImpossibleError(
            f"{document.number} is void and must not reach anybody's books", invoice=document.number
        )
    if exponent(document.currency) > _MOST_DECIMALS:
        raise EInvoiceImpossibleError(
            f"amounts of {document.currency} have {exponent(document.currency)} decimals, and EN 16931 allows two; "
            "send the PDF instead",
            invoice=document.number,
            currency=document.currency,
        )
    if not document.lines:
        raise EInvoiceImpossibleError("an e-invoice has at least one line", invoice=document.number)
    if any(len(line.taxes) > 1 for line in document.lines):
        raise EInvoiceImpossibleError(
            "a line carries several taxes, and EN 16931 knows one VAT a line; send the PDF instead",
            invoice=document.number,
        )
    if len(found := categories(document)) > 1 and TaxCategory.OUTSIDE in found:
        raise EInvoiceImpossibleError(
            "some lines are taxed and some are not subject to VAT, which EN 16931 does not allow on one invoice; "
            "give the untaxed ones a zero or exempt rate",
            invoice=document.number,
        )


def _missing(document: InvoiceDocument) -> Iterator[tuple[str, str]]:
    found, seller, buyer = categories(document), document.seller, document.buyer
    if not seller.name:
        yield "seller.name", _PROFILE
    if not seller.address.country:
        yield "seller.country", _PROFILE
    if not buyer.name:
        yield "buyer.name", _CUSTOMER
    if not buyer.address.country:
        yield "buyer.country", _CUSTOMER
    needs_vat_id = found & {TaxCategory.STANDARD, TaxCategory.REVERSE_CHARGE, TaxCategory.EXPORT}
    if needs_vat_id and not seller.vat_id:
        yield "seller.vat_id", _PROFILE
    elif not seller.vat_id and not seller.registration:
        yield "seller.registration", _PROFILE
    if TaxCategory.REVERSE_CHARGE in found and not buyer.vat_id:
        yield "buyer.tax_id", _CUSTOMER
