"""The queries over quotes, and over priced lines that wait for an invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from billing.kernel.errors import NotFoundError
from billing.kernel.money import Money
from billing.subscriptions.subscription import PendingLine, Quote
from billing.subscriptions.tables import PendingLineRow, QuoteRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit


class QuoteNotFoundError(NotFoundError):
    """No such quote of this tenant."""

    code = "quote_not_found"


class PendingLineStore:
    """Lines that changes have produced and no invoice has taken yet."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, lines: Iterable[PendingLine]) -> None:
        """New lines; a key that is stored already is a conflict, so that nothing is billed twice."""
        self._session.add_all(
            PendingLineRow(
                key=line.key,
                subscription_id=line.subscription_id,
                customer_id=line.customer_id,
                version_id=line.version_id,
                quote_id=line.quote_id,
                document=dict(line.document),
                amount_minor=line.amount.amount_minor,
                currency=line.amount.currency,
                created_at=line.created_at,
                invoice_id=line.invoice_id,
            )
            for line in lines
        )
        self._session.flush()

    def open(self, subscription_id: str, until: datetime) -> list[PendingLine]:
        """Lines made up to an instant that no invoice holds, in the order they were made."""
        query = (
            select(PendingLineRow)
            .where(PendingLineRow.subscription_id == subscription_id, PendingLineRow.invoice_id.is_(None))
            .where(PendingLineRow.created_at <= until)
            .order_by(PendingLineRow.created_at, PendingLineRow.key)
        )
        return [_line(row) for row in self._session.scalars(query)]

    def open_of(self, subscription_ids: Sequence[str], until: datetime) -> dict[str, list[PendingLine]]:
        """The same for many subscriptions, by subscription."""
        query = (
            select(PendingLineRow)
            .where(PendingLineRow.subscription_id.in_(sorted(subscription_ids)), PendingLineRow.invoice_id.is_(None))
            .where(PendingLineRow.created_at <= until)
            .order_by(PendingLineRow.created_at, PendingLineRow.key)
        )
        found: dict[str, list[PendingLine]] = {}
        for row in self._session.scalars(query):
            found.setdefault(row.subscription_id, []).append(_line(row))
        return found

    def starting_with(self, prefix: str) -> list[PendingLine]:
        """Lines whose key begins so, whether an invoice holds them or not, in order of key."""
        query = select(PendingLineRow).where(PendingLineRow.key.startswith(prefix, autoescape=True))
        return [_line(row) for row in self._session.scalars(query.order_by(PendingLineRow.key))]

    def take_many(self, invoice_of: Mapping[str, str]) -> None:
        """Mark lines, by key, as held by their invoices."""
        by_invoice: dict[str, list[str]] = {}
        for key, invoice_id in invoice_of.items():
            by_invoice.setdefault(invoice_id, []).append(key)
        for invoice_id, keys in by_invoice.items():
            self.take(keys, invoice_id)

    def take(self, keys: Iterable[str], invoice_id: str) -> None:
        """Mark lines as held by an invoice."""
        self._session.execute(
            update(PendingLineRow)
            .where(PendingLineRow.key.in_(sorted(keys)))
            .values(invoice_id=invoice_id)
            .execution_options(synchronize_session=False)
        )


class QuoteStore:
    """Promised prices."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, quote: Quote) -> None:
        """A new promise."""
        self.add_many([quote])

    def add_many(self, quotes: Sequence[Quote]) -> None:
        """New promises, in one statement."""
        if quotes:
            self._session.execute(insert(QuoteRow), [_quote_row(quote) for quote in quotes])

    def get(self, quote_id: str) -> Quote:
        """One quote."""
        row = self._session.scalar(select(QuoteRow).where(QuoteRow.id == quote_id))
        if row is None:
            raise QuoteNotFoundError(f"there is no quote {quote_id[:60]!r}", quote=quote_id[:200])
        return _quote(row)

    def accept(self, quote_id: str, at: datetime) -> None:
        """Mark a quote as taken."""
        row = self._session.scalars(select(QuoteRow).where(QuoteRow.id == quote_id)).one()
        row.accepted_at = at
        self._session.flush()


def _line(row: PendingLineRow) -> PendingLine:
    return PendingLine(
        key=row.key,
        subscription_id=row.subscription_id,
        customer_id=row.customer_id,
        version_id=row.version_id,
        quote_id=row.quote_id,
        document=row.document,
        amount=Money(row.amount_minor, row.currency),
        created_at=row.created_at,
        invoice_id=row.invoice_id,
    )


def _quote_row(quote: Quote) -> dict[str, Any]:
    return {
        "id": quote.id,
        "customer_id": quote.customer_id,
        "subscription_id": quote.subscription_id,
        "target": quote.target,
        "version_id": quote.version_id,
        "seats": quote.seats,
        "revision": quote.revision,
        "lines": [dict(line) for line in quote.lines],
        "total_minor": quote.total.amount_minor,
        "recurring_minor": quote.recurring.amount_minor,
        "currency": quote.total.currency,
        "quoted_at": quote.quoted_at,
        "expires_at": quote.expires_at,
        "accepted_at": quote.accepted_at,
    }


def _quote(row: QuoteRow) -> Quote:
    return Quote(
        id=row.id,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        target=row.target,
        version_id=row.version_id,
        seats=row.seats,
        revision=row.revision,
        lines=tuple(row.lines),
        total=Money(row.total_minor, row.currency),
        recurring=Money(row.recurring_minor, row.currency),
        quoted_at=row.quoted_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
    )
