"""The queries over what was billed before: early, in advance, and how far the jobs that look back have come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from billing.db.upsert import insert_new_silently
from billing.invoices.invoice import InvoiceKind, InvoiceStatus
from billing.invoices.tables import InvoiceLineRow, InvoiceRow, MarkRow
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


class PastStore:
    """Reads what earlier invoices of one tenant billed."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def billed_early(self, subscription_ids: Sequence[str]) -> dict[tuple[str, datetime], dict[tuple[str, str], Money]]:
        """What threshold invoices billed, by subscription and start of the period, then by version and charge key."""
        query = (
            select(InvoiceRow, InvoiceLineRow)
            .join(InvoiceLineRow, InvoiceLineRow.invoice_id == InvoiceRow.id)
            .where(InvoiceRow.subscription_id.in_(sorted(subscription_ids)))
            .where(InvoiceRow.kind == InvoiceKind.THRESHOLD.value, InvoiceRow.status != InvoiceStatus.VOID.value)
            .where(InvoiceLineRow.kind == "usage")
        )
        found: dict[tuple[str, datetime], dict[tuple[str, str], Money]] = {}
        for invoice, line in self._session.execute(query):
            if invoice.subscription_id is None or invoice.period_start is None:
                continue
            charges = found.setdefault((invoice.subscription_id, invoice.period_start), {})
            place, amount = (line.version_id, str(line.document["key"])), Money(line.amount_minor, invoice.currency)
            charges[place] = charges[place] + amount if place in charges else amount
        return found

    def fees_by_start(self, subscription_ids: Sequence[str]) -> dict[tuple[str, datetime], dict[str, Money]]:
        """What was asked in advance for each period, by subscription and start of the period, then by version."""
        query = (
            select(InvoiceRow, InvoiceLineRow)
            .join(InvoiceLineRow, InvoiceLineRow.invoice_id == InvoiceRow.id)
            .where(
                InvoiceRow.subscription_id.in_(sorted(subscription_ids)), InvoiceRow.status != InvoiceStatus.VOID.value
            )
            .where(InvoiceLineRow.kind == "recurring")
        )
        found: dict[tuple[str, datetime], dict[str, Money]] = {}
        for invoice, line in self._session.execute(query):
            versions = found.setdefault((invoice.subscription_id or "", invoice.created_at), {})
            amount = Money(line.amount_minor, invoice.currency)
            versions[line.version_id] = versions[line.version_id] + amount if line.version_id in versions else amount
        return found

    def mark(self, job: str) -> datetime | None:
        """How far a job has come; None before its first run."""
        return self._session.scalar(select(MarkRow.at).where(MarkRow.job == job))

    def set_mark(self, job: str, at: datetime) -> None:
        """Note how far a job has come."""
        insert_new_silently(self._session, MarkRow, [{"job": job, "at": at}])
        self._session.execute(
            update(MarkRow).where(MarkRow.job == job).values(at=at).execution_options(synchronize_session=False)
        )

    def renewals(self) -> Select[Any]:
        """A part of a query for other stores: `customer_id` and `at` of each issued invoice that began another period."""
        row = InvoiceRow
        is_next = (row.kind == InvoiceKind.CYCLE.value, row.sequence > 0, row.issued_at.is_not(None))
        columns: list[Any] = [row.customer_id, row.issued_at.label("at")]
        return select(*columns).where(*is_next, row.status != InvoiceStatus.VOID.value)
