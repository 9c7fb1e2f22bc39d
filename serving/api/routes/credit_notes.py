"""Credit notes, and invoices taken back or given up."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.documents.file import pdf_of, xml_of
from billing.documents.load import credit_note_document
from billing.documents.page import InvoiceDocument
from billing.invoices.credit_notes.issue import CreditRequest, put_on_balance
from billing.invoices.credit_notes.note import CreditNote, Destination, Portion, Reason
from billing.invoices.credit_notes.share import Asked
from billing.invoices.credit_notes.store import CreditNoteStore
from billing.invoices.invoice import Invoice
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.kernel.page import page_size
from billing.payments.credit import credit_invoice, give_up_invoice, preview_credit, void_invoice
from billing.payments.provider import ProviderUnavailableError
from billing.payments.refund import carry_out_refund
from billing.payments.store import PaymentStore, RefundStore
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.api.routes.invoice_documents import Language, file_response
from serving.payments import provider_named

router = APIRouter(prefix="/v1", tags=["money"])

Amount = Annotated[str, Field(min_length=1, max_length=40)]


class CreditLine(BaseModel):
    """A line of the invoice by its place from 1, and how much of it with its tax; all that is left of it by default."""

    line: int = Field(ge=1, le=10_000)
    amount: Amount | None = None


class NewCreditNote(BaseModel):
    """What to take back of an issued invoice: an amount (tax included), or lines, or all that is left.

    It first lowers what is due. What was paid already goes onto the customer's `balance`, or back by a `refund`.
    """

    invoice: str = Field(min_length=1, max_length=200)
    amount: Amount | None = None
    lines: list[CreditLine] = Field(default_factory=list, max_length=1000)
    reason: Reason = Reason.OTHER
    memo: str = Field(default="", max_length=500)
    destination: Destination = Destination.BALANCE

    def request(self, currency: str) -> CreditRequest:
        """As the use case reads it."""
        return CreditRequest(
            reason=self.reason,
            memo=self.memo,
            amount=None if self.amount is None else Money.of(self.amount, currency),
            lines=tuple(
                Asked(each.line - 1, None if each.amount is None else Money.of(each.amount, currency))
                for each in self.lines
            ),
            destination=self.destination,
        )


@router.post("/credit-notes", status_code=201)
def create(body: NewCreditNote, context: SecretContext) -> JSONResponse:
    """Issue a credit note. What goes back by a refund is asked of the provider at once; `refunded` says what arrived."""

    def work(unit: Unit) -> dict[str, Any]:
        request = body.request(InvoiceStore(unit).get(body.invoice).currency)
        note, refunds = credit_invoice(unit, body.invoice, request, now=context.now)
        return {"id": note.id, "refunds": [each.id for each in refunds]}

    made: dict[str, Any] = orjson.loads(context.write(work, body=body).body)
    for refund_id in made["refunds"]:
        _carry_out(context, refund_id)
    with context.view() as unit:
        return JSONResponse(_shown(unit, CreditNoteStore(unit).get(made["id"])), status_code=201)


@router.post("/credit-notes/preview")
def preview(body: NewCreditNote, context: SecretContext) -> dict[str, Any]:
    """The credit note that would be made now, without a number; stores nothing."""
    with context.view() as unit:
        request = body.request(InvoiceStore(unit).get(body.invoice).currency)
        return _shown(unit, preview_credit(unit, body.invoice, request, now=context.now))


@router.get("/credit-notes")
def index(
    context: SecretContext,
    customer: str | None = None,
    invoice: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Credit notes, newest first."""
    with context.view() as unit:
        found = CreditNoteStore(unit).page(
            limit=page_size(limit),
            cursor=cursor,
            customer_id=CustomerStore(unit).get(customer).id if customer else None,
            invoice_id=InvoiceStore(unit).get(invoice).id if invoice else None,
        )
        return documents.page([_shown(unit, each) for each in found.items], found.next_cursor)


@router.get(
    "/credit-notes/{note_id}.pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "PDF/A-3, the e-invoice inside"}},
)
def pdf(note_id: str, context: SecretContext, language: Language | None = None) -> Response:
    """A credit note as a PDF for archives, naming its invoice."""
    document = _document(context, note_id, language)
    return file_response(pdf_of(document, context.services.settings.fonts), "application/pdf", document, note_id)


@router.get(
    "/credit-notes/{note_id}.xml",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}}, "description": "Factur-X, profile EN 16931"}},
)
def xml(note_id: str, context: SecretContext, language: Language | None = None) -> Response:
    """A credit note as an e-invoice (type code 381)."""
    document = _document(context, note_id, language)
    return file_response(xml_of(document), "application/xml", document, note_id)


@router.get("/credit-notes/{note_id}")
def show(note_id: str, context: SecretContext) -> dict[str, Any]:
    """One credit note by id or number."""
    with context.view() as unit:
        return _shown(unit, CreditNoteStore(unit).get(note_id))


@router.post("/credit-notes/{note_id}/to-balance")
def to_balance(note_id: str, context: SecretContext) -> JSONResponse:
    """Stop waiting for a refund: what has not gone back becomes credit on the customer's account."""
    return context.write(lambda unit: _shown(unit, put_on_balance(unit, note_id, now=context.now)))


@router.post("/invoices/{invoice_id}/void")
def void(invoice_id: str, context: SecretContext) -> JSONResponse:
    """Take back an issued invoice that nothing was paid or credited of; what it billed is not billed again."""
    return context.write(lambda unit: _invoice(unit, void_invoice(unit, invoice_id, now=context.now)))


@router.post("/invoices/{invoice_id}/uncollectible")
def uncollectible(invoice_id: str, context: SecretContext) -> JSONResponse:
    """Give up what is due of an invoice; a late payment may still mend it."""
    return context.write(lambda unit: _invoice(unit, give_up_invoice(unit, invoice_id, now=context.now)))


def _carry_out(context: Context, refund_id: str) -> None:
    """Ask the provider; where it does not answer, recovery asks again."""
    with context.view() as unit:
        refund = RefundStore(unit).find(refund_id)
        payment = None if refund is None else PaymentStore(unit).get(refund.payment_id)
    if payment is None or payment.provider is None:
        return
    provider = provider_named(context.services, payment.provider, context.tenant_id)
    with suppress(ProviderUnavailableError):
        carry_out_refund(context.services.database, context.principal.scope, provider, refund_id, now=context.now)


def _document(context: Context, note_id: str, language: Language | None) -> InvoiceDocument:
    with context.view() as unit:
        return credit_note_document(unit, note_id, context.principal.tenant, language=language)


def _invoice(unit: Unit, invoice: Invoice) -> dict[str, Any]:
    key = CustomerStore(unit).by_ids([invoice.customer_id])[invoice.customer_id].key
    return documents.invoice(invoice, key, {})


def _shown(unit: Unit, note: CreditNote) -> dict[str, Any]:
    invoice = InvoiceStore(unit).get(note.invoice_id)
    settling = note.settling
    return {
        "id": note.id,
        "number": note.number or None,
        "invoice": invoice.number,
        "invoice_id": invoice.id,
        "customer": CustomerStore(unit).by_ids([note.customer_id])[note.customer_id].key,
        "reason": note.reason.value,
        "memo": note.memo,
        "issued_at": documents.instant(note.issued_at),
        "net": documents.money(note.net),
        "tax": documents.money(note.tax),
        "total": documents.money(note.total),
        "off_due": documents.money(settling.applied),
        "to_balance": documents.money(settling.to_balance),
        "to_refund": documents.money(settling.to_refund),
        "refunded": documents.money(settling.refunded),
        "lines": [_line(portion, invoice) for portion in note.portions],
    }


def _line(portion: Portion, invoice: Invoice) -> dict[str, Any]:
    line = invoice.lines[portion.position]
    return {
        "line": portion.position + 1,
        "key": line.key,
        "description": line.document.get("description", line.kind),
        "net": documents.money(portion.net),
        "tax": documents.money(portion.tax),
        "taxes": [{"key": key, "amount": documents.money(amount)} for key, amount in portion.taxes],
    }
