"""Two entries of one amount: what most facts are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ledger.posting import Entry, PostingError

if TYPE_CHECKING:
    from billing.kernel.money import Money
    from billing.ledger.account import Account


def move(amount: Money, *, debit: Account, credit: Account) -> tuple[Entry, Entry]:
    """A debit and a credit of one amount above zero."""
    if amount.amount_minor <= 0:
        raise PostingError("only an amount above zero can be paid, granted or applied", amount=amount.text)
    return Entry(debit, amount), Entry(credit, -amount)
