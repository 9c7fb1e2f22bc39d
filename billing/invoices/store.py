"""The queries over invoices and number series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from billing.db.upsert import insert_new_silently
from billing.invoices.columns import changing, fixed, line_row
from billing.invoices.invoice import OPEN, Invoice, InvoiceKind, InvoiceLine, InvoiceNotFoundError, InvoiceStatus
from billing.invoices.tables import InvoiceLineRow, InvoiceRow, SeriesRow
from billing.kernel.money import Money
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.kernel.period import Period

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_OPEN = sorted(status.value for status in OPEN)
_UNPAID = (InvoiceStatus.ISSUED.value, InvoiceStatus.PARTLY_PAID.value)


class InvoiceStore:
    """Reads and writes the invoices of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, invoice: Invoice) -> None:
        """A new invoice with its lines; a period that was billed already is a conflict."""
        self.add_many([invoice])

    def add_many(self, invoices: Sequence[Invoice]) -> None:
        """New invoices with their lines."""
        if not invoices:
            return
        self._session.execute(insert(InvoiceRow), [{**fixed(invoice), **changing(invoice)} for invoice in invoices])
        self._insert_lines(
            line_row(invoice, position, line) for invoice in invoices for position, line in enumerate(invoice.lines)
        )

    def save(self, invoice: Invoice) -> None:
        """Store a new state, changed lines, and any lines that were added to the end."""
        self.save_many([self.get(invoice.id)], [invoice])

    def save_many(self, before: Sequence[Invoice], after: Sequence[Invoice]) -> None:
        """The same for many; `before` are these invoices as they are stored, in any order."""
        if not after:
            return
        tenant_id = self._session.scope.tenant_id
        stored = {invoice.id: invoice.lines for invoice in before}
        self._session.execute(
            update(InvoiceRow).execution_options(synchronize_session=False),
            [{"tenant_id": tenant_id, "id": invoice.id, **changing(invoice)} for invoice in after],
        )
        placed = [(invoice, position, line) for invoice in after for position, line in enumerate(invoice.lines)]
        changed = [
            {"tenant_id": tenant_id, **line_row(invoice, position, line)}
            for invoice, position, line in placed
            if position < len(stored[invoice.id]) and line != stored[invoice.id][position]
        ]
        if changed:
            self._session.execute(update(InvoiceLineRow).execution_options(synchronize_session=False), changed)
        self._insert_lines(
            line_row(invoice, position, line)
            for invoice, position, line in placed
            if position >= len(stored[invoice.id])
        )
        self._session.expire_all()

    def _insert_lines(self, rows: Iterable[dict[str, Any]]) -> None:
        values = list(rows)
        if values:
            self._session.execute(insert(InvoiceLineRow), values)

    def get(self, invoice_id: str) -> Invoice:
        """One invoice by id or number, to read."""
        return self._one(select(InvoiceRow), invoice_id)

    def lock(self, invoice_id: str) -> Invoice:
        """One invoice, to change: others wait until this unit of work ends."""
        return self._one(select(InvoiceRow).with_for_update(), invoice_id)

    def of_line(self, key: str) -> Invoice | None:
        """The invoice that holds the line of this key, to read."""
        found = self._session.scalar(select(InvoiceLineRow.invoice_id).where(InvoiceLineRow.key == key))
        return None if found is None else self.get(found)

    def lock_many(self, ids: Sequence[str]) -> list[Invoice]:
        """These invoices, to change, in the order given."""
        return self._many(ids, _named(ids).with_for_update())

    def read_many(self, ids: Sequence[str]) -> list[Invoice]:
        """These invoices, to read, in the order given."""
        return self._many(ids, _named(ids))

    def _many(self, ids: Sequence[str], query: Select[InvoiceRow]) -> list[Invoice]:
        rows = {row.id: row for row in self._session.scalars(query)}
        lines = self._lines(list(rows))
        return [_from_row(rows[each], lines.get(each, ())) for each in ids if each in rows]

    def _one(self, query: Select[InvoiceRow], invoice_id: str) -> Invoice:
        row = self._session.scalar(query.where((InvoiceRow.id == invoice_id) | (InvoiceRow.number == invoice_id)))
        if row is None:
            raise InvoiceNotFoundError(f"there is no invoice {invoice_id[:60]!r}", invoice=invoice_id[:200])
        return _from_row(row, self._lines([row.id]).get(row.id, ()))

    def page(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        customer_id: str | None = None,
        status: InvoiceStatus | None = None,
    ) -> Page[Invoice]:
        """Invoices, newest first."""
        query = select(InvoiceRow).order_by(InvoiceRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(InvoiceRow.id < decode_cursor(cursor))
        if customer_id is not None:
            query = query.where(InvoiceRow.customer_id == customer_id)
        if status is not None:
            query = query.where(InvoiceRow.status == status.value)
        rows = list(self._session.scalars(query))
        lines = self._lines([row.id for row in rows])
        items = tuple(_from_row(row, lines.get(row.id, ())) for row in rows[:limit])
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)

    def claim_closing(self, now: datetime, *, limit: int, skip: Collection[str] = ()) -> list[str]:
        """Ids of drafts that have waited long enough and that nobody else holds, in the order they close; locked until the unit ends."""
        query = (
            select(InvoiceRow.id)
            .where(InvoiceRow.status.in_(_OPEN), InvoiceRow.closes_at <= now)
            .order_by(InvoiceRow.closes_at, InvoiceRow.id)
            .limit(limit)
        )
        if skip:
            query = query.where(InvoiceRow.id.not_in(sorted(skip)))
        return list(self._session.scalars(query.with_for_update(skip_locked=True)))

    def drafts(self, until: datetime, *, limit: int) -> list[Invoice]:
        """Drafts that close by `until`, soonest first, to read."""
        query = (
            select(InvoiceRow)
            .where(InvoiceRow.status.in_(_OPEN), InvoiceRow.closes_at <= until)
            .order_by(InvoiceRow.closes_at, InvoiceRow.id)
            .limit(limit)
        )
        rows = list(self._session.scalars(query))
        lines = self._lines([row.id for row in rows])
        return [_from_row(row, lines.get(row.id, ())) for row in rows]

    def next_closing(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which a draft closes."""
        first = select(func.min(InvoiceRow.closes_at))
        return self._session.scalar(first.where(InvoiceRow.status.in_(_OPEN), InvoiceRow.closes_at > after))

    def count_closing(self, now: datetime) -> int:
        """How many drafts have waited long enough."""
        query = select(func.count()).select_from(InvoiceRow)
        return self._session.scalar(query.where(InvoiceRow.status.in_(_OPEN), InvoiceRow.closes_at <= now)) or 0

    def unpaid(self, *, after: str = "", limit: int) -> list[tuple[str, str]]:
        """(invoice, customer) of what is issued and not paid, by id from `after` on."""
        query = select(InvoiceRow.id, InvoiceRow.customer_id).where(
            InvoiceRow.status.in_(_UNPAID), InvoiceRow.id > after
        )
        return [(each, who) for each, who in self._session.execute(query.order_by(InvoiceRow.id).limit(limit))]

    def closed_within(self, subscription_id: str, first: datetime, last: datetime) -> list[Invoice]:
        """Final invoices of a subscription whose usage period has an instant from `first` to `last` in it, oldest first."""
        query = (
            select(InvoiceRow)
            .where(InvoiceRow.subscription_id == subscription_id, InvoiceRow.kind == InvoiceKind.CYCLE.value)
            .where(InvoiceRow.issued_at.is_not(None), InvoiceRow.status != InvoiceStatus.VOID.value)
            .where(InvoiceRow.period_start <= last, InvoiceRow.period_end > first)
            .order_by(InvoiceRow.period_start)
        )
        rows = list(self._session.scalars(query))
        lines = self._lines([row.id for row in rows])
        return [_from_row(row, lines.get(row.id, ())) for row in rows]

    def totals(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(how many, sum in minor units) of invoices by status and currency."""
        query = select(InvoiceRow.status, InvoiceRow.currency, func.count(), func.sum(InvoiceRow.total_minor)).group_by(
            InvoiceRow.status, InvoiceRow.currency
        )
        rows = self._session.execute(query)
        return {(status, currency): (int(count), int(total or 0)) for status, currency, count, total in rows}

    def next_number(self, series: str) -> int:
        """The next number of a series, without gaps."""
        return self.take_numbers(series, 1)

    def take_numbers(self, series: str, count: int) -> int:
        """The first of `count` numbers in a row; the counter's row stays locked until this unit of work ends, so that no gap can stay."""
        query = select(SeriesRow).where(SeriesRow.series == series).with_for_update()
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            insert_new_silently(self._session, SeriesRow, [{"series": series, "last_number": 0}])
            row = self._session.scalars(query).one()
        first = row.last_number + 1
        row.last_number += count
        self._session.flush()
        return first

    def _lines(self, ids: list[str]) -> dict[str, tuple[InvoiceLine, ...]]:
        query = select(InvoiceLineRow, InvoiceRow.currency).join(InvoiceRow, InvoiceRow.id == InvoiceLineRow.invoice_id)
        query = query.where(InvoiceLineRow.invoice_id.in_(ids)).order_by(
            InvoiceLineRow.invoice_id, InvoiceLineRow.position
        )
        found: dict[str, list[InvoiceLine]] = {}
        for row, currency in self._session.execute(query):
            found.setdefault(row.invoice_id, []).append(
                InvoiceLine(
                    key=row.key,
                    kind=row.kind,
                    amount=Money(row.amount_minor, currency),
                    net=Money(row.net_minor, currency),
                    tax=Money(row.tax_minor, currency),
                    version_id=row.version_id,
                    quote_id=row.quote_id,
                    document=row.document,
                )
            )
        return {invoice_id: tuple(lines) for invoice_id, lines in found.items()}


def _named(ids: Sequence[str]) -> Select[InvoiceRow]:
    return select(InvoiceRow).where(InvoiceRow.id.in_(sorted(ids))).order_by(InvoiceRow.id)


def _from_row(row: InvoiceRow, lines: tuple[InvoiceLine, ...]) -> Invoice:
    period = Period(row.period_start, row.period_end) if row.period_start and row.period_end else None
    return Invoice(
        id=row.id,
        kind=InvoiceKind(row.kind),
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        sequence=row.sequence,
        status=InvoiceStatus(row.status),
        currency=row.currency,
        period=period,
        version_ids=tuple(row.version_ids),
        credit=Money(row.credit_minor, row.currency),
        prepaid=Money(row.prepaid_minor, row.currency),
        paid=Money(row.paid_minor, row.currency),
        credited=Money(row.credited_minor, row.currency),
        closes_at=row.closes_at,
        created_at=row.created_at,
        number=row.number,
        issued_at=row.issued_at,
        rated_at=row.rated_at,
        due_at=row.due_at,
        paid_at=row.paid_at,
        failure=row.failure,
        summary=row.summary or {},
        parties=row.parties or {},
        lines=lines,
    )
