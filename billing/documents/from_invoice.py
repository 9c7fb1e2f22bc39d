"""An invoice, or a credit note against it, as the document that is handed out. Pure: it is given the parties and the zone.

What an invoice kept when it was issued is what its document says for ever after; only what has paid of it, and whether it still counts,
is as of now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from billing.documents.lines import Manner, document_line, is_inclusive, marks_of, read_money, span_of
from billing.documents.page import (
    LANGUAGES,
    DocumentKind,
    InvoiceDocument,
    Means,
    Settlement,
    Span,
    Standing,
    TaxTotal,
)
from billing.invoices.invoice import InvoiceStatus
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from billing.documents.page import DocumentLine, Party, TaxMark
    from billing.invoices.invoice import Invoice, InvoiceLine

_STANDINGS = {
    InvoiceStatus.DRAFT: Standing.DRAFT,
    InvoiceStatus.IN_GRACE: Standing.DRAFT,
    InvoiceStatus.FAILED: Standing.DRAFT,
    InvoiceStatus.PAID: Standing.PAID,
    InvoiceStatus.VOID: Standing.VOID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a document needs besides its figures: who sells to whom, the zone of its days, its language and the seller's own notes."""

    seller: Party
    buyer: Party
    zone: ZoneInfo
    language: str = "en"
    notes: tuple[str, ...] = ()

    @property
    def known_language(self) -> str:
        """The language, English where it is none that documents are written in."""
        return self.language if self.language in LANGUAGES else LANGUAGES[0]


def document_of(invoice: Invoice, frame: Frame) -> InvoiceDocument:
    """The document of an invoice in any state; a draft is dated to when it closes."""
    marks = _marks(invoice)
    lines, inclusive = _lines(invoice, frame, marks)
    standing = _STANDINGS.get(invoice.status, Standing.OPEN)
    return InvoiceDocument(
        kind=DocumentKind.INVOICE,
        standing=standing,
        number="" if standing is Standing.DRAFT else invoice.number or "",
        issued_on=_day(invoice.issued_at or invoice.closes_at, frame),
        due_on=None if invoice.due_at is None else _day(invoice.due_at, frame),
        paid_on=None if invoice.paid_at is None else _day(invoice.paid_at, frame),
        seller=frame.seller,
        buyer=frame.buyer,
        currency=invoice.currency,
        lines=lines,
        taxes=_tax_totals(invoice, marks),
        due=invoice.amount_due,
        settlements=() if standing is Standing.DRAFT else _settlements(invoice),
        span=_span(lines, invoice, frame),
        inclusive=inclusive,
        notes=_notes(invoice, marks, frame),
        language=frame.known_language,
    )


def credit_document(
    invoice: Invoice, frame: Frame, *, number: str, issued_at: datetime, lines: Sequence[InvoiceLine]
) -> InvoiceDocument:
    """The document of credit note `number` against an issued invoice: what of its lines is given back, above zero, with the taxes.

    A line's `document` has its own `description` and `taxes`, under the keys of the rates of the invoice.
    """
    marks = _marks(invoice)
    given_back = replace(invoice, lines=tuple(lines))
    shown, inclusive = _lines(given_back, frame, marks)
    return InvoiceDocument(
        kind=DocumentKind.CREDIT_NOTE,
        standing=Standing.OPEN,
        number=number,
        issued_on=_day(issued_at, frame),
        due_on=None,
        paid_on=None,
        seller=frame.seller,
        buyer=frame.buyer,
        currency=invoice.currency,
        lines=shown,
        taxes=_line_tax_totals(given_back, marks),
        due=Money.zero(invoice.currency),
        span=_span(shown, invoice, frame),
        inclusive=inclusive,
        preceding=(invoice.number or "", _day(invoice.issued_at or invoice.closes_at, frame)),
        notes=_notes(invoice, marks, frame),
        language=frame.known_language,
    )


def _line_tax_totals(invoice: Invoice, marks: dict[str, TaxMark]) -> tuple[TaxTotal, ...]:
    """Base and tax of each rate, as the lines carry them."""
    zero = Money.zero(invoice.currency)
    sums: dict[str, tuple[Money, Money]] = {}
    for line in invoice.lines:
        for tax in line.document.get("taxes", ()):
            base, so_far = sums.get(tax["key"], (zero, zero))
            sums[tax["key"]] = (base + line.net, so_far + read_money(tax["amount"]))
    return tuple(TaxTotal(marks[key], base, tax) for key, (base, tax) in sums.items())


def _lines(invoice: Invoice, frame: Frame, marks: dict[str, TaxMark]) -> tuple[tuple[DocumentLine, ...], bool]:
    inclusive = is_inclusive(invoice.lines)
    manner = Manner(zone=frame.zone, language=frame.known_language, marks=marks, inclusive=inclusive)
    return tuple(document_line(place, line, manner) for place, line in enumerate(invoice.lines, start=1)), inclusive


def _marks(invoice: Invoice) -> dict[str, TaxMark]:
    return marks_of(invoice.summary.get("taxes") or (), invoice.summary.get("notes") or ())


def _tax_totals(invoice: Invoice, marks: dict[str, TaxMark]) -> tuple[TaxTotal, ...]:
    found: Sequence[dict[str, Any]] = invoice.summary.get("taxes") or ()
    return tuple(TaxTotal(marks[tax["key"]], read_money(tax["base"]), read_money(tax["tax"])) for tax in found)


def _notes(invoice: Invoice, marks: dict[str, TaxMark], frame: Frame) -> tuple[str, ...]:
    """The sentences that the law asks for, unless a tax carries them already, then the seller's own."""
    carried = {mark.reason for mark in marks.values() if mark.reason}
    legal = () if carried else tuple(invoice.summary.get("notes") or ())
    return (*legal, *frame.notes)


def _settlements(invoice: Invoice) -> tuple[Settlement, ...]:
    """What has paid, in the order of money; a total below zero went to the customer's account."""
    owed = min(invoice.total, Money.zero(invoice.currency))
    paid = (
        (Means.CREDIT, invoice.credit + owed),
        (Means.PREPAID, invoice.prepaid),
        (Means.CREDIT_NOTES, invoice.credited),
        (Means.PAYMENTS, invoice.paid),
    )
    return tuple(Settlement(means, amount) for means, amount in paid if amount.amount_minor)


def _span(lines: Sequence[DocumentLine], invoice: Invoice, frame: Frame) -> Span | None:
    """From the first to the last day that any line is for."""
    spans = [line.span for line in lines if line.span is not None]
    if spans:
        return Span(min(span.first for span in spans), max(span.last for span in spans))
    return None if invoice.period is None else span_of(invoice.period, frame.zone)


def _day(moment: datetime, frame: Frame) -> date:
    return moment.astimezone(frame.zone).date()
