"""The queries over the ledger. There is no update and no delete."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, insert, or_, select, tuple_

from billing.db.upsert import insert_new
from billing.kernel.clock import format_instant, parse_instant
from billing.kernel.money import Money
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.ledger.account import Account
from billing.ledger.balance import Balances, DayBalance
from billing.ledger.posting import Entry, Transaction
from billing.ledger.tables import LedgerEntryRow, LedgerTransactionRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit
    from billing.kernel.period import Period

_SOLD = (Account.REVENUE.value, Account.DEFERRED_REVENUE.value)
_LOST = (Account.GOODWILL.value, Account.BAD_DEBT.value, Account.EXPIRED_CREDIT.value)
_TELLING = (*_SOLD, *_LOST, Account.FEES.value, Account.CASH.value)
_GOING_BACK = ("credit_note_issued", "payment_refunded")


class LedgerStore:
    """Appends to and reads the books of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def append(self, transaction: Transaction) -> bool:
        """Book a fact; one that is booked already changes nothing and answers False."""
        if not insert_new(self._session, LedgerTransactionRow, [_head(transaction)], (LedgerTransactionRow.key,)):
            return False
        self._session.execute(insert(LedgerEntryRow), _entries(transaction))
        return True

    def append_many(self, transactions: Sequence[Transaction]) -> None:
        """Book facts that are new together; one that is booked already is a conflict, and then none is."""
        if not transactions:
            return
        self._session.execute(insert(LedgerTransactionRow), [_head(transaction) for transaction in transactions])
        self._session.execute(
            insert(LedgerEntryRow), [entry for transaction in transactions for entry in _entries(transaction)]
        )

    def get(self, key: str) -> Transaction | None:
        """The fact that was booked under a key."""
        heads = self._session.scalars(select(LedgerTransactionRow).where(LedgerTransactionRow.key == key))
        return next(iter(self._whole(list(heads))), None)

    def balances(self, as_of: datetime | None = None) -> Balances:
        """What stands on every account, summed by the database."""
        query = select(LedgerEntryRow.account, LedgerEntryRow.currency, func.sum(LedgerEntryRow.amount_minor)).group_by(
            LedgerEntryRow.account, LedgerEntryRow.currency
        )
        if as_of is not None:
            query = query.join(LedgerTransactionRow, LedgerTransactionRow.key == LedgerEntryRow.transaction_key)
            query = query.where(LedgerTransactionRow.at <= as_of)
        rows = self._session.execute(query)
        return Balances({(Account(account), currency): int(amount) for account, currency, amount in rows})

    def page(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        customer_id: str | None = None,
        account: Account | None = None,
        period: Period | None = None,
    ) -> Page[Transaction]:
        """Facts, newest first: a statement of a customer, of an account, of a period, or of all."""
        head, entry = LedgerTransactionRow, LedgerEntryRow
        query = select(head).order_by(head.at.desc(), head.key.desc()).limit(limit + 1)
        if cursor is not None:
            at, _, key = decode_cursor(cursor).partition(" ")
            query = query.where(tuple_(head.at, head.key) < (parse_instant(at), key))
        if customer_id is not None:
            query = query.where(head.customer_id == customer_id)
        if account is not None:
            query = query.where(
                select(entry.position).where(entry.transaction_key == head.key, entry.account == account.value).exists()
            )
        if period is not None:
            query = query.where(head.at >= period.start, head.at < period.end)
        rows = list(self._session.scalars(query))
        items = tuple(self._whole(rows[:limit]))
        last = f"{format_instant(items[-1].at)} {items[-1].key}" if len(rows) > limit else None
        return Page(items, encode_cursor(last) if last else None)

    def _whole(self, heads: Sequence[LedgerTransactionRow]) -> list[Transaction]:
        query = (
            select(LedgerEntryRow)
            .where(LedgerEntryRow.transaction_key.in_([head.key for head in heads]))
            .order_by(LedgerEntryRow.transaction_key, LedgerEntryRow.position)
        )
        entries: dict[str, list[Entry]] = {}
        for row in self._session.scalars(query):
            entry = Entry(Account(row.account), Money(row.amount_minor, row.currency))
            entries.setdefault(row.transaction_key, []).append(entry)
        return [
            Transaction(row.key, row.at, row.description, tuple(entries.get(row.key, ())), row.customer_id)
            for row in heads
        ]

    def by_day(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        accounts: Sequence[Account] = (),
        fact: str | None = None,
    ) -> list[DayBalance]:
        """What each day (UTC) of a half-open span changed on each account, in order; of one sort of `fact` (`invoice_issued`) if told."""
        entry, head = LedgerEntryRow, LedgerTransactionRow
        is_postgresql = self._session.get_bind().dialect.name == "postgresql"
        day = (
            func.to_char(func.timezone("UTC", head.at), "YYYY-MM-DD")
            if is_postgresql
            else func.strftime("%Y-%m-%d", head.at)
        )
        query = (
            select(day, entry.account, entry.currency, func.sum(entry.amount_minor))
            .join(head, head.key == entry.transaction_key)
            .group_by(day, entry.account, entry.currency)
            .order_by(day, entry.account, entry.currency)
        )
        if since is not None:
            query = query.where(head.at >= since)
        if until is not None:
            query = query.where(head.at < until)
        if accounts:
            query = query.where(entry.account.in_([account.value for account in accounts]))
        if fact is not None:
            query = query.where(head.key.startswith(f"{fact}:", autoescape=True))
        return [
            DayBalance(date.fromisoformat(each), Account(account), currency, int(minor))
            for each, account, currency, minor in self._session.execute(query)
        ]

    def credit_of(self, customer_id: str, currency: str) -> Money:
        """What is owed to a customer as credit for later invoices."""
        query = select(func.sum(LedgerEntryRow.amount_minor)).where(
            LedgerEntryRow.customer_id == customer_id,
            LedgerEntryRow.account == Account.CUSTOMER_CREDIT.value,
            LedgerEntryRow.currency == currency,
        )
        return Money(-int(self._session.scalar(query) or 0), currency)

    def credits_of(self, customer_ids: Sequence[str]) -> dict[tuple[str, str], int]:
        """What is owed as credit, in minor units by customer and currency, to those of these customers that are owed anything."""
        owed = func.sum(LedgerEntryRow.amount_minor)
        query = (
            select(LedgerEntryRow.customer_id, LedgerEntryRow.currency, owed)
            .where(LedgerEntryRow.customer_id.in_(sorted(customer_ids)))
            .where(LedgerEntryRow.account == Account.CUSTOMER_CREDIT.value)
            .group_by(LedgerEntryRow.customer_id, LedgerEntryRow.currency)
            .having(owed < 0)
        )
        return {(str(who), currency): -int(amount) for who, currency, amount in self._session.execute(query)}

    def standing(self, account: Account) -> dict[tuple[str, str], int]:
        """The signed minor units on an account by customer and currency, nothing left out but facts of no customer."""
        query = (
            select(LedgerEntryRow.customer_id, LedgerEntryRow.currency, func.sum(LedgerEntryRow.amount_minor))
            .where(LedgerEntryRow.account == account.value, LedgerEntryRow.customer_id.is_not(None))
            .group_by(LedgerEntryRow.customer_id, LedgerEntryRow.currency)
        )
        return {(str(who), currency): int(amount) for who, currency, amount in self._session.execute(query)}

    def customer_money(self, currency: str) -> Select[Any]:
        """A part of a query: what each entry in a currency earned from a customer, in minor units, for other stores to add up.

        `customer_id`, `at`, `earned` (sold net of tax and credit notes), `lost` (gifts and bad debt, less what expired unspent), `fees`,
        `cash` (received, less what went back), `refunds` (1 on entries of a credit note or a refund). Entries that say nothing of it
        are left out.
        """
        entry, head = LedgerEntryRow, LedgerTransactionRow
        minor = entry.amount_minor
        went_back = or_(*(head.key.startswith(f"{fact}:") for fact in _GOING_BACK))
        return (
            select(
                entry.customer_id.label("customer_id"),
                head.at.label("at"),
                case((entry.account.in_(_SOLD), -minor), else_=0).label("earned"),
                case((entry.account.in_(_LOST), minor), else_=0).label("lost"),
                case((entry.account == Account.FEES.value, minor), else_=0).label("fees"),
                case((entry.account == Account.CASH.value, minor), else_=0).label("cash"),
                case((went_back, 1), else_=0).label("refunds"),
            )
            .join(head, head.key == entry.transaction_key)
            .where(entry.currency == currency, entry.customer_id.is_not(None), entry.account.in_(_TELLING))
        )

    def transactions(self) -> list[Transaction]:
        """Every fact in the books, in order of time; for proofs and small books."""
        entries: dict[str, list[Entry]] = {}
        ordered = select(LedgerEntryRow).order_by(LedgerEntryRow.transaction_key, LedgerEntryRow.position)
        for row in self._session.scalars(ordered):
            entry = Entry(Account(row.account), Money(row.amount_minor, row.currency))
            entries.setdefault(row.transaction_key, []).append(entry)
        heads = self._session.scalars(
            select(LedgerTransactionRow).order_by(LedgerTransactionRow.at, LedgerTransactionRow.key)
        )
        return [
            Transaction(row.key, row.at, row.description, tuple(entries.get(row.key, ())), row.customer_id)
            for row in heads
        ]


def _head(transaction: Transaction) -> dict[str, Any]:
    return {
        "key": transaction.key,
        "at": transaction.at,
        "description": transaction.description,
        "customer_id": transaction.customer,
    }


def _entries(transaction: Transaction) -> list[dict[str, Any]]:
    return [
        {
            "transaction_key": transaction.key,
            "position": position,
            "account": entry.account.value,
            "amount_minor": entry.amount.amount_minor,
            "currency": entry.amount.currency,
            "customer_id": transaction.customer,
        }
        for position, entry in enumerate(transaction.entries)
    ]
