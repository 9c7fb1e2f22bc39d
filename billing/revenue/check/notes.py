"""Check: a credit note is the sum of its lines, and is booked as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.credit_notes.audit_store import CreditNoteAudit
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.audit_store import LedgerAudit
from billing.revenue.check.finding import Finding
from billing.revenue.check.pages import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit

_TAKEN_BACK = (Account.REVENUE, Account.DEFERRED_REVENUE, Account.TAX_PAYABLE)


def check(unit: Unit) -> Iterator[Finding]:
    """Notes whose total, lines and posting do not agree."""
    books = LedgerAudit(unit)
    for page in pages(CreditNoteAudit(unit).notes, lambda row: row[0]):
        booked = books.booked("credit_note_issued", page[0][0], page[-1][0])
        for note, currency, total, net, tax in page:
            entries = booked.get(f"credit_note_issued:{note}", {})
            taken = sum(entries.get((account.value, currency), 0) for account in _TAKEN_BACK)
            if not total == net + tax == taken:
                amounts = {
                    "total": Money(total, currency),
                    "lines": Money(net + tax, currency),
                    "booked": Money(taken, currency),
                }
                told = ", ".join(f"{name} {amount.text}" for name, amount in amounts.items())
                yield Finding(
                    code="credit_note_differs",
                    sentence=f"credit note {note}: total, lines and posting do not agree ({told} {currency})",
                    ids=(note,),
                    amounts=amounts,
                )
