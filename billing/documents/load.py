"""The document of an invoice of a tenant, by its id or number: what it kept, and for what it did not keep, what is known now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.documents.from_invoice import Frame, document_of
from billing.documents.parties import buyer_of, seller_of
from billing.invoices.store import InvoiceStore
from billing.kernel.cadence import zone_of
from billing.tenants.profile.store import ProfileStore

if TYPE_CHECKING:
    from billing.db.session import Unit
    from billing.documents.page import InvoiceDocument
    from billing.invoices.invoice import Invoice
    from billing.tenants.tenant import Tenant


def invoice_document(unit: Unit, invoice_id: str, tenant: Tenant, *, language: str | None = None) -> InvoiceDocument:
    """The document in `language`, by default the one the seller writes in. Raises InvoiceNotFoundError."""
    invoice = InvoiceStore(unit).get(invoice_id)
    return document_of(invoice, frame_of(unit, invoice, tenant, language=language))


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
