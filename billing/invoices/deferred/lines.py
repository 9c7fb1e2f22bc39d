"""Which lines of an invoice are deferred when it is issued, and what credits and voids take off them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.deferred.book import earn
from billing.invoices.deferred.schedule import Schedule, opened
from billing.invoices.deferred.store import DeferredStore
from billing.kernel.clock import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice, InvoiceLine
    from billing.kernel.money import Money

PREPAID = "prepaid"  # the kind of a line that fills a wallet: it is never earned, the wallet's use is
_IN_ADVANCE = {"recurring", "change", PREPAID}


def is_in_advance(line: InvoiceLine) -> bool:
    """Whether a line is paid before it is earned, and so booked as deferred when its invoice is issued."""
    return line.kind in _IN_ADVANCE


def defer(unit: Unit, invoices: Iterable[Invoice]) -> None:
    """Open the schedules of those of these invoices that are issued, once they are stored."""
    issued = (invoice for invoice in invoices if invoice.number is not None)
    DeferredStore(unit).add_many([schedule for invoice in issued for schedule in schedules_of(invoice)])


def schedules_of(invoice: Invoice) -> Iterator[Schedule]:
    """The schedules of an issued invoice: its lines in advance that are not nothing, each over its own period of service."""
    for position, line in enumerate(invoice.lines):
        if not is_in_advance(line) or line.kind == PREPAID or not line.net.amount_minor:
            continue
        period = line.document.get("period") or {}
        yield opened(
            invoice_id=invoice.id,
            position=position,
            customer_id=invoice.customer_id,
            issued_at=invoice.issued_at or invoice.closes_at,
            amount=line.net,
            starts_at=parse_instant(period["start"]) if period else None,
            ends_at=parse_instant(period["end"]) if period else None,
        )


def take_off(unit: Unit, invoice_id: str, taken: Mapping[int, Money], *, at: datetime) -> None:
    """Lower the schedules of an invoice by what a credit takes of its lines, net, by their places.

    The days that have ended are booked first, as they were before the credit, so that they do not depend on when the job last ran.
    """
    store = DeferredStore(unit)
    earned = earn(unit, store.lock_of(invoice_id), at)
    store.save_many([each.credited(taken[each.position], at) for each in earned if each.position in taken])


def take_all(unit: Unit, invoice_id: str, *, at: datetime) -> None:
    """Lower the schedules of a voided invoice to nothing: what was earned is taken back when the next day ends."""
    store = DeferredStore(unit)
    store.save_many([each.credited(each.amount, at) for each in earn(unit, store.lock_of(invoice_id), at)])
