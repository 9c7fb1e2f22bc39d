"""The document of an invoice of a tenant, by its id or number: what it kept, and for what it did not keep, what is known now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.documents.from_invoice import Frame, credit_document, document_of
from billing.documents.lines import is_inclusive
from billing.documents.parties import buyer_of, seller_of
from billing.invoices.credit_notes.store import CreditNoteStore
from billing.invoices.store import InvoiceStore
from billing.kernel.cadence import zone_of
from billing.pricing.quote import money_document
from billing.tenants.profile.store import ProfileStore

if TYPE_CHECKING:
    from billing.db.session import Unit
    from billing.documents.page import InvoiceDocument
    from billing.invoices.credit_notes.note import Portion
    from billing.invoices.invoice import Invoice, InvoiceLine
    from billing.tenants.tenant import Tenant


def invoice_document(unit: Unit, invoice_id: str, tenant: Tenant, *, language: str | None = None) -> InvoiceDocument:
    """The document in `language`, by default the one the seller writes in. Raises InvoiceNotFoundError."""
    invoice = InvoiceStore(unit).get(invoice_id)
    return document_of(invoice, frame_of(unit, invoice, tenant, language=language))


def credit_note_document(unit: Unit, note_id: str, tenant: Tenant, *, language: str | None = None) -> InvoiceDocument:
    """The document of a credit note, by its id or number, against the invoice it takes back from. Raises CreditNoteNotFoundError."""
    note = CreditNoteStore(unit).get(note_id)
    invoice = InvoiceStore(unit).get(note.invoice_id)
    return credit_document(
        invoice,
        frame_of(unit, invoice, tenant, language=language),
        number=note.number,
        issued_at=note.issued_at,
        lines=[_credited(invoice.lines[portion.position], portion) for portion in note.portions],
    )


def _credited(line: InvoiceLine, portion: Portion) -> InvoiceLine:
    """What is taken back of a line, as a line: priced as the line was, with its taxes in the price or beside it."""
    rates = {str(tax["key"]): str(tax["percent"]) for tax in line.document.get("taxes", ())}
    document = {
        "key": line.document.get("key", line.key),
        "description": line.document.get("description", line.kind),
        "period": line.document.get("period"),
        "taxes": [
            {"key": key, "percent": rates[key], "amount": money_document(amount)} for key, amount in portion.taxes
        ],
    }
    inclusive = is_inclusive([line])
    amount = portion.gross if inclusive else portion.net
    return replace(line, amount=amount, net=portion.net, tax=portion.tax, document=document)


def frame_of(unit: Unit, invoice: Invoice, tenant: Tenant, *, language: str | None = None) -> Frame:
    """Who sold to whom, and the manner of the document."""
    customer = CustomerStore(unit).by_ids([invoice.customer_id])[invoice.customer_id]
    kept = invoice.parties
    profile = ProfileStore(unit).get()
    written_in = (kept.get("seller") or {}).get("language") or profile.language
    return Frame(
        seller=seller_of(kept, profile, tenant),
        buyer=buyer_of(kept, customer),
        zone=zone_of(tenant.zone),
        language=language or str(written_in),
    )
