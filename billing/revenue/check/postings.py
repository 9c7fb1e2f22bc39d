"""Check: every transaction books something, and sums to nothing in each currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.money import Money
from billing.ledger.audit_store import LedgerAudit
from billing.revenue.check.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit


def check(unit: Unit) -> Iterator[Finding]:
    """Transactions that do not balance, and those without entries."""
    books = LedgerAudit(unit)
    for key, currency, minor in books.unbalanced():
        off = Money(minor, currency)
        yield Finding(
            code="posting_unbalanced",
            sentence=f"the entries of {key} sum to {off} instead of nothing",
            ids=(key,),
            amounts={"sum": off},
        )
    for key in books.empty():
        yield Finding(code="posting_empty", sentence=f"{key} books nothing", ids=(key,))
