"""Balances: a fold over transactions, whatever their order, in signed minor units (debits positive)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.kernel.clock import utc
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from billing.kernel.period import Period
    from billing.ledger.account import Account
    from billing.ledger.posting import Transaction


@dataclass(frozen=True, slots=True)
class Balances:
    """What stands on each account and currency; what was never booked stands at zero."""

    minor: Mapping[tuple[Account, str], int]

    def of(self, account: Account, currency: str) -> Money:
        """The signed balance: debits positive, credits negative."""
        return Money(self.minor.get((account, currency), 0), currency)

    def natural(self, account: Account, currency: str) -> Money:
        """The balance as people read it: positive on the account's normal side."""
        return account.natural(self.of(account, currency))

    def currencies(self) -> list[str]:
        """The currencies that were booked, in order."""
        return sorted({currency for _, currency in self.minor})

    def net(self, currency: str) -> Money:
        """The sum over all accounts, zero in books that are whole: the trial balance."""
        return Money(sum(amount for (_, booked), amount in self.minor.items() if booked == currency), currency)


@dataclass(frozen=True, slots=True)
class DayBalance:
    """What a day (UTC) changed on an account: `minor` is signed, debits positive."""

    day: date
    account: Account
    currency: str
    minor: int

    @property
    def natural(self) -> Money:
        """As people read it: above zero where the account grew."""
        return self.account.natural(Money(self.minor, self.currency))


def balances(transactions: Iterable[Transaction], as_of: datetime | None = None) -> Balances:
    """The balances after everything booked at or before `as_of` (UTC; None: everything)."""
    last = None if as_of is None else utc(as_of)
    return _fold(transaction for transaction in transactions if last is None or transaction.at <= last)


def movements(transactions: Iterable[Transaction], period: Period) -> Balances:
    """What a half-open period changed on each account."""
    return _fold(transaction for transaction in transactions if transaction.at in period)


def _fold(transactions: Iterable[Transaction]) -> Balances:
    sums: dict[tuple[Account, str], int] = defaultdict(int)
    for transaction in transactions:
        for entry in transaction.entries:
            sums[entry.account, entry.amount.currency] += entry.amount.amount_minor
    return Balances(dict(sums))
