"""The queries that look for what is not whole in the books: grouped by the database, read in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from billing.ledger.tables import LedgerEntryRow, LedgerTransactionRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit
    from billing.ledger.account import Account

_MANY = 10_000


class LedgerAudit:
    """Reads the books of one tenant as an auditor does; every amount is in signed minor units, debits positive."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def unbalanced(self) -> Iterator[tuple[str, str, int]]:
        """(key, currency, sum) of each transaction whose entries of a currency do not sum to nothing."""
        entry, off = LedgerEntryRow, func.sum(LedgerEntryRow.amount_minor)
        query = select(entry.transaction_key, entry.currency, off).group_by(entry.transaction_key, entry.currency)
        for key, currency, minor in self._session.execute(query.having(off != 0).order_by(entry.transaction_key)):
            yield key, currency, int(minor)

    def empty(self) -> Iterator[str]:
        """Keys of transactions that book nothing."""
        entry, head = LedgerEntryRow, LedgerTransactionRow
        query = select(head.key).outerjoin(entry, entry.transaction_key == head.key).where(entry.position.is_(None))
        yield from self._session.scalars(query.order_by(head.key))

    def booked(self, fact: str, first: str, last: str) -> dict[str, dict[tuple[str, str], int]]:
        """What facts of one kind about `first` to `last`, in the order of ids, book on each account and currency, by key.

        A range of keys is one walk along the index; naming thousands of them makes PostgreSQL read the whole table for each page.
        """
        entry = LedgerEntryRow
        query = (
            select(entry.transaction_key, entry.account, entry.currency, func.sum(entry.amount_minor))
            .where(entry.transaction_key >= f"{fact}:{first}", entry.transaction_key <= f"{fact}:{last}")
            .group_by(entry.transaction_key, entry.account, entry.currency)
        )
        found: dict[str, dict[tuple[str, str], int]] = {}
        for key, account, currency, minor in self._session.execute(query):
            found.setdefault(key, {})[account, currency] = int(minor)
        return found

    def keys(self, fact: str, account: Account | None = None) -> Iterator[str]:
        """Keys of transactions of one kind of fact, `fact` being the part before the first colon; on one account, if given."""
        query = select(LedgerTransactionRow.key).where(LedgerTransactionRow.key.startswith(f"{fact}:", autoescape=True))
        if account is not None:
            entry = LedgerEntryRow
            touches = select(entry.transaction_key).where(entry.account == account.value)
            query = query.where(LedgerTransactionRow.key.in_(touches))
        ordered = query.order_by(LedgerTransactionRow.key).execution_options(yield_per=_MANY)
        yield from self._session.scalars(ordered)

    def count(self, fact: str) -> int:
        """How many transactions of one kind of fact there are."""
        head = LedgerTransactionRow
        query = select(func.count()).select_from(head).where(head.key.startswith(f"{fact}:", autoescape=True))
        return self._session.scalar(query) or 0

    def moved_by(self, account: Account) -> dict[tuple[str, str], int]:
        """What each kind of fact (the part of a key before its first colon) moved on an account, by fact and currency."""
        entry = LedgerEntryRow
        query = select(entry.transaction_key, entry.currency, entry.amount_minor).where(entry.account == account.value)
        found: dict[tuple[str, str], int] = {}
        for key, currency, minor in self._session.execute(query.execution_options(yield_per=_MANY)):
            place = (key.partition(":")[0], currency)
            found[place] = found.get(place, 0) + minor
        return found

    def standing(self, account: Account) -> dict[tuple[str | None, str], int]:
        """What stands on an account by customer (None: nobody's) and currency, where it is not nothing."""
        entry, stands = LedgerEntryRow, func.sum(LedgerEntryRow.amount_minor)
        query = (
            select(entry.customer_id, entry.currency, stands)
            .where(entry.account == account.value)
            .group_by(entry.customer_id, entry.currency)
            .having(stands != 0)
        )
        return {(who, currency): int(minor) for who, currency, minor in self._session.execute(query)}
