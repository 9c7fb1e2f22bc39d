"""Transactions: what does not sum to zero in every currency cannot be made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money
from billing.ledger.account import Account, AccountKind, Side
from billing.ledger.posting import Entry, PostingError, Transaction

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.sampled_from(Account),
        st.builds(Money, st.integers(min_value=-(10**6), max_value=10**6), st.sampled_from(["EUR", "JPY"])),
    ),
    min_size=1,
    max_size=8,
)


def _book(*entries: Entry, key: str = "test:1") -> Transaction:
    return Transaction(key=key, at=NOON, description="a test", entries=entries)


@given(ENTRIES)
def test_a_transaction_is_made_exactly_when_it_balances_in_every_currency(entries: list[Entry]) -> None:
    """Any entries, in any currencies: zero sums are booked, others refused with the currency that is off."""
    sums = {
        currency: sum(entry.amount.amount_minor for entry in entries if entry.amount.currency == currency)
        for currency in ("EUR", "JPY")
    }

    if any(sums.values()):
        with pytest.raises(PostingError) as caught:
            _book(*entries)
        assert caught.value.facts["off_by_minor"] == sums[caught.value.facts["currency"]] != 0
    else:
        assert _book(*entries).entries == tuple(entries)


def test_two_currencies_do_not_balance_each_other() -> None:
    """One euro against one dollar is two mistakes."""
    with pytest.raises(PostingError):
        _book(Entry(Account.CASH, Money(100, "EUR")), Entry(Account.REVENUE, Money(-100, "USD")))


@pytest.mark.parametrize("key", ["", "   ", "x" * 201])
def test_a_transaction_needs_a_key_that_can_be_stored(key: str) -> None:
    """Without a key the same fact could be booked twice."""
    with pytest.raises(PostingError):
        _book(Entry(Account.CASH, Money.zero("EUR")), key=key)


def test_a_transaction_without_entries_books_nothing_and_is_refused() -> None:
    """An empty transaction is a mistake of its maker."""
    with pytest.raises(PostingError):
        _book()


def test_a_transaction_is_booked_at_an_instant_in_utc() -> None:
    """A naive time is refused."""
    with pytest.raises(InvalidError):
        Transaction("test:1", datetime(2026, 1, 1), "", (Entry(Account.CASH, Money.zero("EUR")),))  # noqa: DTZ001 - the naive time is the point


@pytest.mark.parametrize("account", list(Account))
def test_every_account_has_a_kind_and_the_side_that_goes_with_it(account: Account) -> None:
    """The chart is complete, and natural balances are positive on the normal side."""
    debit = account.kind in (AccountKind.ASSET, AccountKind.EXPENSE)

    assert account.normal_side is (Side.DEBIT if debit else Side.CREDIT)
    assert account.natural(Money(100, "EUR")) == Money(100 if debit else -100, "EUR")
