"""The e-invoice as XML: Factur-X 1.0 (ZUGFeRD 2), profile EN 16931, in the syntax UN/CEFACT CII, written by the factur-x library.

The file is checked against the schema before it leaves; the rules of the standard (Schematron) are checked in the tests, case by case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from facturx import generate_xml
from iso4217 import Currency

from billing.documents.einvoice.requirements import EInvoiceImpossibleError, check
from billing.documents.einvoice.terms import terms

if TYPE_CHECKING:
    from billing.documents.page import InvoiceDocument

FILE_NAME = "factur-x.xml"
_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def xml_of(document: InvoiceDocument) -> bytes:
    """The XML, the same for the same document. Raises EInvoiceImpossibleError and EInvoiceIncompleteError, see `requirements`."""
    check(document)
    try:
        Currency(document.currency)
    except ValueError as error:
        raise EInvoiceImpossibleError(
            f"{document.currency} is no longer in the list of currencies for e-invoices; send the PDF instead",
            invoice=document.number,
            currency=document.currency,
        ) from error
    written = _clean(terms(document))
    return bytes(generate_xml(written, flavor="factur-x", level="en16931", check_xsd=True, check_schematron=None))


def _clean(value: Any) -> Any:
    """The same without the control characters that XML cannot hold; everything else is kept as it was given."""
    if isinstance(value, str):
        return _NOT_IN_XML.sub(" ", value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
