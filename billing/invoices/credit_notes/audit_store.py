"""The queries that look for what is not whole in credit notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from billing.invoices.credit_notes.tables import CreditNoteLineRow, CreditNoteRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit

_MANY = 10_000


class CreditNoteAudit:
    """Reads the credit notes of one tenant as an auditor does; every amount is in minor units."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def numbers(self) -> Iterator[tuple[str, str]]:
        """(id, number) of every note."""
        query = select(CreditNoteRow.id, CreditNoteRow.number)
        found = self._session.execute(query.execution_options(yield_per=_MANY))
        yield from ((note, number) for note, number in found)

    def notes(self, *, after: str = "", limit: int) -> list[tuple[str, str, int, int, int]]:
        """(id, currency, total, net of its lines, tax of its lines) of notes, by id from `after` on."""
        row, line = CreditNoteRow, CreditNoteLineRow
        query = (
            select(
                row.id,
                row.currency,
                row.total_minor,
                func.coalesce(func.sum(line.net_minor), 0),
                func.coalesce(func.sum(line.tax_minor), 0),
            )
            .outerjoin(line, line.credit_note_id == row.id)
            .where(row.id > after)
            .group_by(row.tenant_id, row.id)
            .order_by(row.id)
            .limit(limit)
        )
        return [
            (note, currency, total, int(net), int(tax))
            for note, currency, total, net, tax in self._session.execute(query)
        ]

    def credited_of(self, invoice_ids: list[str]) -> dict[str, int]:
        """What notes took off what was due of each of these invoices, with what was credited once it had gone back."""
        row = CreditNoteRow
        query = (
            select(row.invoice_id, func.sum(row.applied_minor + row.refunded_minor))
            .where(row.invoice_id.in_(invoice_ids))
            .group_by(row.invoice_id)
        )
        return {invoice: int(minor) for invoice, minor in self._session.execute(query)}
