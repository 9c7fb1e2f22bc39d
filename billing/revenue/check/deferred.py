"""Check: what the books hold as deferred is what schedules say is left to earn, and top-ups that are not in their wallets yet."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from billing.invoices.audit_store import InvoiceAudit
from billing.invoices.credit_notes.store import CreditNoteStore
from billing.invoices.deferred.lines import PREPAID
from billing.invoices.deferred.store import DeferredStore
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.audit_store import LedgerAudit
from billing.revenue.check.finding import Finding
from billing.revenue.check.pages import MANY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit

_INTO_WALLETS = "wallet_paid"


def check(unit: Unit) -> Iterator[Finding]:
    """Account DEFERRED_REVENUE by currency."""
    left, stands = DeferredStore(unit).deferred(), dict[str, int]()
    waiting = _asked_for(unit)
    for (fact, currency), minor in LedgerAudit(unit).moved_by(Account.DEFERRED_REVENUE).items():
        stands[currency] = stands.get(currency, 0) - minor
        if fact == _INTO_WALLETS:
            waiting[currency] = waiting.get(currency, 0) - minor
    for currency in sorted(left.keys() | waiting.keys() | stands.keys()):
        amounts = {
            "schedules": Money(left.get(currency, 0), currency),
            "top_ups": Money(waiting.get(currency, 0), currency),
            "deferred": Money(stands.get(currency, 0), currency),
        }
        if amounts["schedules"] + amounts["top_ups"] != amounts["deferred"]:
            yield Finding(
                code="deferred_differs",
                sentence=f"{amounts['schedules']} is left to earn and {amounts['top_ups']} waits for wallets, "
                f"account deferred_revenue stands at {amounts['deferred']}",
                ids=(currency,),
                amounts=amounts,
            )


def _asked_for(unit: Unit) -> dict[str, int]:
    """What top-ups were invoiced, less what of it was credited, in minor units by currency."""
    found: dict[str, int] = {}
    for page in _pages(InvoiceAudit(unit).lines_of_kind(PREPAID)):
        credited = CreditNoteStore(unit).credited_by_line({invoice for invoice, *_ in page})
        for invoice, position, currency, net in page:
            taken = sum(minor for _, minor in credited.get((invoice, position), ()))
            found[currency] = found.get(currency, 0) + net - taken
    return found


def _pages(lines: Iterator[tuple[str, int, str, int]]) -> Iterator[list[tuple[str, int, str, int]]]:
    while page := list(islice(lines, MANY)):
        yield page
