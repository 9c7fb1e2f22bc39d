"""Which lines of an invoice are deferred when it is issued, and what credits and voids take off them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from billing.invoices.deferred.book import earn
from billing.invoices.deferred.schedule import Schedule, opened
from billing.invoices.deferred.store import DeferredStore
from billing.kernel.clock import parse_instant
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice, InvoiceLine

PREPAID = "prepaid"  # the kind of a line that fills a wallet: it is never earned, the wallet's use is
BUNDLE = "bundle"  # the kind of a line for parts of which some are had at once and some last
SERVICE = "service"  # where such a line says what of its amount is for what lasts, and how long that is
_IN_ADVANCE = {"recurring", "change", PREPAID}


def advance_of(line: InvoiceLine) -> Money:
    """What of a line's net is paid before it is earned, and so booked as deferred when its invoice is issued.

    All of it, nothing, or of a bundle the share that its lasting parts have of its amount.
    """
    if line.kind in _IN_ADVANCE:
        return line.net
    service = line.document.get(SERVICE)
    if service is None or not line.amount.amount_minor:
        return Money.zero(line.net.currency)
    lasting = Money.of(service["amount"]["amount"], service["amount"]["currency"])
    return line.net.prorate(Fraction(lasting.amount_minor, line.amount.amount_minor))


def advance_in(line: InvoiceLine, before: Money, taken: Money) -> Money:
    """What of a credit of `taken` (net), after earlier ones of `before`, is off what was paid in advance.

    However a line is credited in parts, they take what one credit of their sum would take: all of it with the whole line.
    """
    if line.kind in _IN_ADVANCE or not line.net.amount_minor:
        return taken if line.kind in _IN_ADVANCE else Money.zero(taken.currency)
    advance = advance_of(line)

    def share(amount: Money) -> Money:
        return advance.prorate(Fraction(amount.amount_minor, line.net.amount_minor))

    return share(before + taken) - share(before)


def defer(unit: Unit, invoices: Iterable[Invoice]) -> None:
    """Open the schedules of those of these invoices that are issued, once they are stored."""
    issued = (invoice for invoice in invoices if invoice.number is not None)
    DeferredStore(unit).add_many([schedule for invoice in issued for schedule in schedules_of(invoice)])


def schedules_of(invoice: Invoice) -> Iterator[Schedule]:
    """The schedules of an issued invoice: what of its lines is in advance and not nothing, each over its own period of service."""
    for position, line in enumerate(invoice.lines):
        advance = advance_of(line)
        if line.kind == PREPAID or not advance.amount_minor:
            continue
        period = (line.document.get(SERVICE) or line.document).get("period") or {}
        yield opened(
            invoice_id=invoice.id,
            position=position,
            customer_id=invoice.customer_id,
            issued_at=invoice.issued_at or invoice.closes_at,
            amount=advance,
            starts_at=parse_instant(period["start"]) if period else None,
            ends_at=parse_instant(period["end"]) if period else None,
        )


def take_off(unit: Unit, invoice_id: str, taken: Mapping[int, Money], *, at: datetime) -> None:
    """Lower the schedules of an invoice by what a credit takes of what was paid in advance, by the places of its lines.

    The days that have ended are booked first, as they were before the credit, so that they do not depend on when the job last ran.
    """
    store = DeferredStore(unit)
    earned = earn(unit, store.lock_of(invoice_id), at)
    store.save_many([each.credited(taken[each.position], at) for each in earned if each.position in taken])


def take_all(unit: Unit, invoice_id: str, *, at: datetime) -> None:
    """Lower the schedules of a voided invoice to nothing: what was earned is taken back when the next day ends."""
    store = DeferredStore(unit)
    store.save_many([each.credited(each.amount, at) for each in earn(unit, store.lock_of(invoice_id), at)])
