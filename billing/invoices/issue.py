"""Issuing one draft, whoever asks for it: the same that a billing run does to many."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from billing.invoices.batch import Run, issue_batch
from billing.invoices.store import InvoiceStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice


def issue(unit: Unit, invoice_id: str, *, now: datetime) -> Invoice | None:
    """Make a draft final, now or when it closed if that was before; None when it is final already."""
    store = InvoiceStore(unit)
    draft = store.lock(invoice_id)
    if not draft.is_open:
        return None
    issue_batch(unit, [draft], Run(now, timedelta(0)))
    return store.get(draft.id)
