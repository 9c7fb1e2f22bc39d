"""Entries and transactions: a transaction sums to zero in every currency, or it cannot be made.

Amounts are signed, debits positive and credits negative, in whole minor units.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money
    from billing.ledger.account import Account

MAX_KEY = 200


class PostingError(InvalidError):
    """Entries that cannot be booked."""

    code = "invalid_posting"


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transaction: a positive amount is a debit of the account, a negative one a credit."""

    account: Account
    amount: Money


@dataclass(frozen=True, slots=True)
class Transaction:
    """One business fact in the books, booked at `at` (UTC). `key` is natural, so that the same fact books once.

    `customer` says in whose sub-ledger the entries stand, None for facts of no customer.
    """

    key: str
    at: datetime
    description: str
    entries: tuple[Entry, ...]
    customer: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at))
        if not self.key.strip() or len(self.key) > MAX_KEY:
            raise PostingError(f"a transaction has a key of 1 to {MAX_KEY} characters", key=self.key[:60])
        if not self.entries:
            raise PostingError(f"{self.key} books nothing", key=self.key)
        for currency, sum_minor in _sums(self.entries).items():
            if sum_minor:
                raise PostingError(
                    f"{self.key} does not balance: its {currency} entries sum to {sum_minor} minor units",
                    key=self.key,
                    currency=currency,
                    off_by_minor=sum_minor,
                )


def _sums(entries: tuple[Entry, ...]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.amount.currency] += entry.amount.amount_minor
    return sums
