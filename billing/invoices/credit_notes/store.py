"""The queries over credit notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from billing.invoices.credit_notes.note import CreditNote, CreditNoteNotFoundError, Portion, Reason, Settling
from billing.invoices.credit_notes.tables import CreditNoteLineRow, CreditNoteRow
from billing.kernel.money import Money
from billing.kernel.page import Page, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from billing.db.session import Unit


class CreditNoteStore:
    """Reads and writes the credit notes of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, note: CreditNote) -> None:
        """A new note with its lines."""
        fixed = {
            "id": note.id,
            "number": note.number,
            "invoice_id": note.invoice_id,
            "customer_id": note.customer_id,
            "currency": note.currency,
            "reason": note.reason.value,
            "memo": note.memo,
            "issued_at": note.issued_at,
            "total_minor": note.total.amount_minor,
        }
        self._session.execute(insert(CreditNoteRow), [{**fixed, **_changing(note)}])
        self._session.execute(
            insert(CreditNoteLineRow),
            [
                {
                    "credit_note_id": note.id,
                    "position": portion.position,
                    "net_minor": portion.net.amount_minor,
                    "tax_minor": portion.tax.amount_minor,
                    "taxes": [[key, amount.amount_minor] for key, amount in portion.taxes],
                }
                for portion in note.portions
            ],
        )

    def save(self, note: CreditNote) -> None:
        """Where it has gone by now; nothing else of a note changes."""
        change = update(CreditNoteRow).where(CreditNoteRow.id == note.id).values(**_changing(note))
        self._session.execute(change.execution_options(synchronize_session=False))
        self._session.expire_all()

    def get(self, note_id: str) -> CreditNote:
        """A note by its id or number."""
        named = (CreditNoteRow.id == note_id) | (CreditNoteRow.number == note_id)
        row = self._session.scalar(select(CreditNoteRow).where(named))
        if row is None:
            raise CreditNoteNotFoundError(f"there is no credit note {note_id[:60]!r}", credit_note=note_id[:200])
        return self._whole([row])[0]

    def of_invoice(self, invoice_id: str) -> list[CreditNote]:
        """The notes against an invoice, in the order of their numbers."""
        query = select(CreditNoteRow).where(CreditNoteRow.invoice_id == invoice_id).order_by(CreditNoteRow.id)
        return self._whole(list(self._session.scalars(query)))

    def page(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        customer_id: str | None = None,
        invoice_id: str | None = None,
    ) -> Page[CreditNote]:
        """Notes, newest first."""
        query = select(CreditNoteRow).order_by(CreditNoteRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(CreditNoteRow.id < decode_cursor(cursor))
        if customer_id is not None:
            query = query.where(CreditNoteRow.customer_id == customer_id)
        if invoice_id is not None:
            query = query.where(CreditNoteRow.invoice_id == invoice_id)
        rows = list(self._session.scalars(query))
        items = tuple(self._whole(rows[:limit]))
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)

    def credited_by_line(self, invoice_ids: Iterable[str]) -> dict[tuple[str, int], tuple[tuple[datetime, int], ...]]:
        """(when, net in minor units) of every credit of each line of these invoices, by invoice and the line's place, oldest first."""
        query = (
            select(
                CreditNoteRow.invoice_id,
                CreditNoteLineRow.position,
                CreditNoteRow.issued_at,
                CreditNoteLineRow.net_minor,
            )
            .join(CreditNoteLineRow, CreditNoteLineRow.credit_note_id == CreditNoteRow.id)
            .where(CreditNoteRow.invoice_id.in_(sorted(invoice_ids)))
            .order_by(CreditNoteRow.id)
        )
        found: dict[tuple[str, int], list[tuple[datetime, int]]] = {}
        for invoice_id, position, at, net in self._session.execute(query):
            found.setdefault((invoice_id, position), []).append((at, net))
        return {line: tuple(taken) for line, taken in found.items()}

    def credited_since(self, at: datetime) -> set[str]:
        """The invoices that notes of `at` or later are against."""
        return set(self._session.scalars(select(CreditNoteRow.invoice_id).where(CreditNoteRow.issued_at >= at)))

    def _whole(self, rows: Sequence[CreditNoteRow]) -> list[CreditNote]:
        currencies = {row.id: row.currency for row in rows}
        query = (
            select(CreditNoteLineRow)
            .where(CreditNoteLineRow.credit_note_id.in_(sorted(currencies)))
            .order_by(CreditNoteLineRow.credit_note_id, CreditNoteLineRow.position)
        )
        portions: dict[str, list[Portion]] = {}
        for line in self._session.scalars(query):
            currency = currencies[line.credit_note_id]
            portion = Portion(
                position=line.position,
                net=Money(line.net_minor, currency),
                taxes=tuple((str(key), Money(int(minor), currency)) for key, minor in line.taxes),
            )
            portions.setdefault(line.credit_note_id, []).append(portion)
        return [_note(row, tuple(portions.get(row.id, ()))) for row in rows]


def _changing(note: CreditNote) -> dict[str, int]:
    settling = note.settling
    return {
        "applied_minor": settling.applied.amount_minor,
        "to_balance_minor": settling.to_balance.amount_minor,
        "to_refund_minor": settling.to_refund.amount_minor,
        "refunded_minor": settling.refunded.amount_minor,
    }


def _note(row: CreditNoteRow, portions: tuple[Portion, ...]) -> CreditNote:
    return CreditNote(
        id=row.id,
        number=row.number,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        currency=row.currency,
        reason=Reason(row.reason),
        memo=row.memo,
        issued_at=row.issued_at,
        settling=Settling(
            applied=Money(row.applied_minor, row.currency),
            to_balance=Money(row.to_balance_minor, row.currency),
            to_refund=Money(row.to_refund_minor, row.currency),
            refunded=Money(row.refunded_minor, row.currency),
        ),
        portions=portions,
    )
