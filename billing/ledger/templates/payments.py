"""Payments in the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ledger.account import Account
from billing.ledger.posting import Transaction
from billing.ledger.templates.moves import move

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money


def payment_received(payment: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """A customer paid: cash comes in, and the receivable goes down by as much."""
    return Transaction(
        key=f"payment_received:{payment}",
        at=at,
        description=f"Payment {payment} received",
        entries=move(amount, debit=Account.CASH, credit=Account.RECEIVABLE),
        customer=customer,
    )
