"""Balances: a fold, whatever the order, that nets to zero over all accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.ledger.account import Account
from billing.ledger.balance import balances, movements
from billing.ledger.posting import Entry, Transaction

if TYPE_CHECKING:
    from random import Random

START = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """A transfer between two accounts at some hour of the year."""
    amount = Money(draw(st.integers(min_value=-(10**6), max_value=10**6)), draw(st.sampled_from(["EUR", "JPY"])))
    debited, credited = draw(st.tuples(st.sampled_from(Account), st.sampled_from(Account)))
    at = START + timedelta(hours=draw(st.integers(min_value=0, max_value=8760)))
    return Transaction(f"t:{draw(st.uuids())}", at, "", (Entry(debited, amount), Entry(credited, -amount)))


BOOKS = st.lists(transactions(), max_size=20)


@given(BOOKS, st.randoms(use_true_random=False))
def test_the_order_of_booking_plays_no_part(books: list[Transaction], random: Random) -> None:
    """A fold over a shuffled ledger gives the same balances."""
    shuffled = list(books)
    random.shuffle(shuffled)

    assert balances(shuffled) == balances(books)


@given(BOOKS)
def test_the_trial_balance_is_zero(books: list[Transaction]) -> None:
    """Over all accounts every currency nets to nothing."""
    folded = balances(books)

    assert all(folded.net(currency) == Money.zero(currency) for currency in folded.currencies())


@given(BOOKS, st.integers(min_value=1, max_value=8759))
def test_a_balance_is_what_stood_before_and_what_moved_since(books: list[Transaction], hours: int) -> None:
    """Movements of adjoining periods add up to the balance."""
    cut, end = START + timedelta(hours=hours), START + timedelta(days=366)
    whole, early, late = balances(books), movements(books, Period(START, cut)), movements(books, Period(cut, end))

    for account in Account:
        for currency in ("EUR", "JPY"):
            moved = early.of(account, currency) + late.of(account, currency)
            assert moved == whole.of(account, currency)


def test_a_balance_as_of_a_moment_includes_that_moment() -> None:
    """What is booked at noon stands at noon, and not a moment earlier."""
    noon = START + timedelta(hours=12)
    amount = Money(500, "EUR")
    book = [Transaction("t:1", noon, "", (Entry(Account.CASH, amount), Entry(Account.REVENUE, -amount)))]

    assert balances(book, noon).of(Account.CASH, "EUR") == amount
    assert balances(book, noon - timedelta(microseconds=1)).of(Account.CASH, "EUR") == Money.zero("EUR")
    assert balances(book).natural(Account.REVENUE, "EUR") == amount
