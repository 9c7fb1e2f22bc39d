"""The queries that look for what is not whole in invoices: sums by the database, read in pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from billing.invoices.invoice import InvoiceKind, InvoiceStatus
from billing.invoices.tables import InvoiceLineRow, InvoiceRow, SeriesRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from billing.db.session import Unit

_MANY = 10_000
_DUE = (InvoiceStatus.ISSUED.value, InvoiceStatus.PARTLY_PAID.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSums:
    """An issued invoice as it stands in its row, beside what its lines add up to; minor units."""

    id: str
    number: str | None
    status: InvoiceStatus
    currency: str
    total: int
    tax: int
    paid: int
    credited: int
    prepaid: int
    credit: int
    lines_net: int
    lines_tax: int

    @property
    def settled(self) -> int:
        """What paid of it, by any means."""
        return self.paid + self.credited + self.prepaid + self.credit

    @property
    def due(self) -> int:
        """What is still asked for."""
        done = self.status in {InvoiceStatus.PAID, InvoiceStatus.VOID}
        return 0 if done else max(self.total - self.settled, 0)


class InvoiceAudit:
    """Reads the invoices of one tenant as an auditor does."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def issued(self, *, after: str = "", limit: int) -> list[InvoiceSums]:
        """Invoices that were issued, with the sums of their lines, by id from `after` on."""
        row, line = InvoiceRow, InvoiceLineRow
        ids = select(row.id).where(row.issued_at.is_not(None), row.id > after).order_by(row.id).limit(limit).subquery()
        query = (
            select(
                row.id,
                row.number,
                row.status,
                row.currency,
                row.total_minor,
                row.tax_minor,
                row.paid_minor,
                row.credited_minor,
                row.prepaid_minor,
                row.credit_minor,
                func.coalesce(func.sum(line.net_minor), 0),
                func.coalesce(func.sum(line.tax_minor), 0),
            )
            .join(ids, ids.c.id == row.id)
            .outerjoin(line, line.invoice_id == row.id)
            .group_by(row.tenant_id, row.id)
            .order_by(row.id)
        )
        return [_sums(tuple(found)) for found in self._session.execute(query)]

    def is_issued(self, invoice_id: str) -> bool:
        """Whether an invoice is there and was issued."""
        query = select(InvoiceRow.id).where(InvoiceRow.id == invoice_id, InvoiceRow.issued_at.is_not(None))
        return self._session.scalar(query) is not None

    def due(self) -> dict[tuple[str, str], int]:
        """What is due of invoices that were not given up, by customer and currency, where it is not nothing."""
        row = InvoiceRow
        settled = row.paid_minor + row.credited_minor + row.prepaid_minor + row.credit_minor
        query = (
            select(row.customer_id, row.currency, func.sum(row.total_minor - settled))
            .where(row.status.in_(_DUE), row.total_minor > settled)
            .group_by(row.customer_id, row.currency)
        )
        return {(who, currency): int(minor) for who, currency, minor in self._session.execute(query)}

    def numbers(self) -> Iterator[tuple[str, str]]:
        """(id, number) of every invoice that has a number."""
        query = select(InvoiceRow.id, InvoiceRow.number).where(InvoiceRow.number.is_not(None))
        found = self._session.execute(query.execution_options(yield_per=_MANY))
        yield from ((invoice, str(number)) for invoice, number in found)

    def last_number(self, series: str) -> int:
        """The last number that was given in a series; 0 where none was."""
        return self._session.scalar(select(SeriesRow.last_number).where(SeriesRow.series == series)) or 0

    def lines_of_kind(self, kind: str) -> Iterator[tuple[str, int, str, int]]:
        """(invoice, the line's place, currency, net) of each line of a kind on invoices that were issued and are not void."""
        row, line = InvoiceRow, InvoiceLineRow
        query = (
            select(row.id, line.position, row.currency, line.net_minor)
            .join(line, line.invoice_id == row.id)
            .where(line.kind == kind, row.issued_at.is_not(None), row.status != InvoiceStatus.VOID.value)
        )
        found = self._session.execute(query.execution_options(yield_per=_MANY))
        yield from ((invoice, position, currency, net) for invoice, position, currency, net in found)

    def overlapping(self) -> Iterator[tuple[str, str, datetime, datetime]]:
        """(invoice, subscription, start, covered until) where a usage period begins before an earlier one of its subscription ends."""
        row = InvoiceRow
        covered = (
            func.max(row.period_end)
            .over(
                partition_by=row.subscription_id,
                order_by=(row.period_start, row.period_end, row.id),
                rows=(None, -1),
            )
            .label("covered")
        )
        periods = (
            select(row.id, row.subscription_id, row.period_start, covered)
            .where(row.subscription_id.is_not(None), row.period_start.is_not(None))
            .where(row.kind == InvoiceKind.CYCLE.value, row.status != InvoiceStatus.VOID.value)
            .subquery()
        )
        found = periods.c
        query = select(found.id, found.subscription_id, found.period_start, found.covered)
        query = query.where(found.period_start < found.covered).order_by(found.subscription_id, found.period_start)
        overlaps = self._session.execute(query)
        yield from ((invoice, subscription, start, until) for invoice, subscription, start, until in overlaps)


def _sums(row: Sequence[Any]) -> InvoiceSums:
    invoice, number, status, currency, *minor = row
    total, tax, paid, credited, prepaid, credit, lines_net, lines_tax = (int(each) for each in minor)
    return InvoiceSums(
        id=invoice,
        number=number,
        status=InvoiceStatus(status),
        currency=currency,
        total=total,
        tax=tax,
        paid=paid,
        credited=credited,
        prepaid=prepaid,
        credit=credit,
        lines_net=lines_net,
        lines_tax=lines_tax,
    )
