"""Invoices and lines as the columns they are stored in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billing.invoices.invoice import Invoice, InvoiceLine


def fixed(invoice: Invoice) -> dict[str, Any]:
    """The columns that never change."""
    return {
        "id": invoice.id,
        "kind": invoice.kind.value,
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "sequence": invoice.sequence,
        "currency": invoice.currency,
        "period_start": invoice.period.start if invoice.period else None,
        "period_end": invoice.period.end if invoice.period else None,
        "version_ids": list(invoice.version_ids),
        "closes_at": invoice.closes_at,
        "created_at": invoice.created_at,
    }


def line_row(invoice: Invoice, position: int, line: InvoiceLine) -> dict[str, Any]:
    """The columns of one line."""
    return {
        "invoice_id": invoice.id,
        "position": position,
        "key": line.key,
        "kind": line.kind,
        "amount_minor": line.amount.amount_minor,
        "net_minor": line.net.amount_minor,
        "tax_minor": line.tax.amount_minor,
        "version_id": line.version_id,
        "quote_id": line.quote_id,
        "document": dict(line.document),
    }


def changing(invoice: Invoice) -> dict[str, Any]:
    """The columns that change over an invoice's life."""
    return {
        "status": invoice.status.value,
        "number": invoice.number,
        "issued_at": invoice.issued_at,
        "rated_at": invoice.rated_at,
        "due_at": invoice.due_at,
        "paid_at": invoice.paid_at,
        "failure": invoice.failure,
        "total_minor": invoice.total.amount_minor,
        "tax_minor": invoice.tax.amount_minor,
        "credit_minor": invoice.credit.amount_minor,
        "prepaid_minor": invoice.prepaid.amount_minor,
        "paid_minor": invoice.paid.amount_minor,
        "credited_minor": invoice.credited.amount_minor,
        "summary": dict(invoice.summary),
        "parties": dict(invoice.parties),
    }
