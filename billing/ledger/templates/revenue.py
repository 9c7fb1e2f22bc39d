"""Revenue in the books: what was invoiced in advance is earned as its service is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ledger.account import Account
from billing.ledger.posting import Entry, Transaction

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money


def revenue_earned(key: str, *, at: datetime, day: str, earned: Money) -> Transaction:
    """What lines in advance earned on a day; below zero where credits outweigh. `key` names the run that found it."""
    return Transaction(
        key=f"revenue_earned:{key}",
        at=at,
        description=f"Revenue earned on {day}",
        entries=(Entry(Account.DEFERRED_REVENUE, earned), Entry(Account.REVENUE, -earned)),
    )
