"""Invoices as files: the PDF with the e-invoice inside, and the e-invoice alone."""

from __future__ import annotations

import re
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from billing.documents.file import pdf_of, xml_of
from billing.documents.load import invoice_document
from billing.documents.page import InvoiceDocument
from serving.api.context import Context, SecretContext

router = APIRouter(prefix="/v1", tags=["money"])

Language = Literal["en", "de", "fr"]
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@router.get(
    "/invoices/{invoice_id}.pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "PDF/A-3, the e-invoice inside"}},
)
def pdf(invoice_id: str, context: SecretContext, language: Language | None = None) -> Response:
    """An invoice as a PDF for archives; a draft is marked as one. The e-invoice is inside where the invoice has all it needs."""
    document = _document(context, invoice_id, language)
    return file_response(pdf_of(document, context.services.settings.fonts), "application/pdf", document, invoice_id)


@router.get(
    "/invoices/{invoice_id}.xml",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}}, "description": "Factur-X, profile EN 16931"}},
)
def xml(invoice_id: str, context: SecretContext, language: Language | None = None) -> Response:
    """An issued invoice as an e-invoice (EN 16931, Factur-X). What is missing for one is named with the way to set it."""
    document = _document(context, invoice_id, language)
    return file_response(xml_of(document), "application/xml", document, invoice_id)


def _document(context: Context, invoice_id: str, language: Language | None) -> InvoiceDocument:
    with context.view() as unit:
        return invoice_document(unit, invoice_id, context.principal.tenant, language=language)


def file_response(content: bytes, media_type: str, document: InvoiceDocument, named: str) -> Response:
    """The file under the document's number; the names in a header are plain letters whatever the series is called."""
    name = _UNSAFE.sub("-", document.number or f"draft-{named}")
    headers = {
        "Content-Disposition": f'inline; filename="{name}.{media_type.rpartition("/")[2]}"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)
