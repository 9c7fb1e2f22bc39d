"""Checks by customer: what the books say they owe is due of their invoices, and their credit is not below nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.audit_store import InvoiceAudit
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.audit_store import LedgerAudit
from billing.revenue.check.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit


def check_receivable(unit: Unit) -> Iterator[Finding]:
    """Customers whose receivable is another sum than what is due of their invoices, those given up left out."""
    due: dict[tuple[str | None, str], int] = {
        (who, currency): minor for (who, currency), minor in InvoiceAudit(unit).due().items()
    }
    owed = LedgerAudit(unit).standing(Account.RECEIVABLE)
    for who, currency in sorted(due.keys() | owed.keys(), key=str):
        asked, stands = (Money(found.get((who, currency), 0), currency) for found in (due, owed))
        if asked != stands:
            yield Finding(
                code="receivable_differs",
                sentence=f"{asked} is due of the invoices of {who or 'nobody'}, the books say {stands}",
                ids=(who,) if who else (),
                amounts={"due": asked, "receivable": stands},
            )


def check_credit(unit: Unit) -> Iterator[Finding]:
    """Customers whose credit is below nothing."""
    standing = LedgerAudit(unit).standing(Account.CUSTOMER_CREDIT)
    for (who, currency), minor in sorted(standing.items(), key=str):
        if minor > 0:
            credit = Money(-minor, currency)
            yield Finding(
                code="credit_below_zero",
                sentence=f"the credit of {who or 'nobody'} stands at {credit}",
                ids=(who,) if who else (),
                amounts={"credit": credit},
            )
