"""A document as files: a PDF for archives, with the e-invoice inside where one can be made, and the e-invoice alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.archive import Envelope, archived
from billing.documents.einvoice.factur_x import xml_of
from billing.documents.einvoice.requirements import EInvoiceImpossibleError, EInvoiceIncompleteError
from billing.documents.pdf.render import draw
from billing.documents.words import word

if TYPE_CHECKING:
    from pathlib import Path

    from billing.documents.page import InvoiceDocument

__all__ = ["pdf_of", "xml_of"]


def pdf_of(document: InvoiceDocument, fallbacks: tuple[Path, ...] = ()) -> bytes:
    """The PDF (PDF/A-3b); its e-invoice is left out where none can be made or something for it is missing.

    `fallbacks` are TrueType files for characters that the shipped fonts lack.
    """
    title = " ".join(part for part in (word(document.kind.value, document.language), document.number) if part)
    envelope = Envelope(
        title=title,
        author=document.seller.name,
        subject=f"{title}, {document.seller.name}, {document.issued_on.isoformat()}",
        language=document.language,
        dated=document.issued_on,
    )
    return archived(draw(document, fallbacks), envelope, _attached(document))


def _attached(document: InvoiceDocument) -> bytes | None:
    try:
        return xml_of(document)
    except (EInvoiceImpossibleError, EInvoiceIncompleteError):
        return None
