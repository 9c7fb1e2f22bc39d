"""From an invoice line to the usage events it was made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.invoices.store import InvoiceStore
from billing.kernel.clock import parse_instant
from billing.kernel.errors import NotFoundError
from billing.kernel.page import Page
from billing.kernel.period import Period
from billing.metering.listing_store import EventListing

if TYPE_CHECKING:
    from billing.db.session import Unit
    from billing.metering.amended import StoredEvent


class LineNotFoundError(NotFoundError):
    """The invoice has no such line."""

    code = "invoice_line_not_found"


_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


def behind_line(unit: Unit, invoice_id: str, line: int, *, limit: int, cursor: str | None = None) -> Page[StoredEvent]:
    """The events that line `line` (from 1) counted, oldest first; none for a line that rates no usage.

    They are those that were known when the invoice was rated: what came or was corrected later is behind an adjustment line, whose events
    are the period's as they were known then. What a level carried over from before the period is not listed.
    """
    invoice = InvoiceStore(unit).get(invoice_id)
    if not 1 <= line <= len(invoice.lines):
        raise LineNotFoundError(f"the invoice has lines 1 to {len(invoice.lines)}", invoice=invoice.id, line=line)
    document = invoice.lines[line - 1].document
    meter, period = document.get("meter"), document.get("period")
    if not meter or not period:
        return Page((), None)
    return EventListing(unit).behind(
        CatalogStore(unit).meter(str(meter)),
        invoice.customer_id,
        Period(parse_instant(period["start"]), parse_instant(period["end"])),
        known_by=invoice.rated_at or _ALWAYS,
        limit=limit,
        cursor=cursor,
    )
