"""Payments, refunds, disputes and write-offs in the books: each balances, and each pair that undoes itself leaves nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.balance import balances
from billing.ledger.posting import PostingError
from billing.ledger.templates.invoices import invoice_issued
from billing.ledger.templates.payments import (
    dispute_lost,
    dispute_opened,
    dispute_won,
    invoice_given_up,
    payment_received,
    payment_refunded,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ZERO = Money.zero("EUR")
amounts = st.integers(1, 10**9)


def _eur(minor: int) -> Money:
    return Money(minor, "EUR")


@given(paid=amounts, data=st.data(), given_up=st.booleans())
def test_a_payment_that_goes_back_whole_leaves_nothing(paid: int, data: st.DataObject, given_up: bool) -> None:  # noqa: FBT001 (drawn)
    """However much of it was surplus, and whether or not its invoice was given up."""
    surplus = _eur(data.draw(st.integers(0, paid)))
    taken = payment_received("p", at=NOON, customer="cus", amount=_eur(paid), surplus=surplus, given_up=given_up)
    back = payment_refunded("r", at=NOON, customer="cus", amount=_eur(paid), surplus=surplus, given_up=given_up)

    books = balances([taken, back])

    assert all(amount == 0 for amount in books.minor.values())
    assert balances([taken]).of(Account.CASH, "EUR") == _eur(paid)
    assert balances([taken]).of(Account.CUSTOMER_CREDIT, "EUR") == -surplus


@given(amount=amounts, fee=st.integers(0, 5000))
def test_a_dispute_costs_its_fee_and_what_is_lost(amount: int, fee: int) -> None:
    """Won: the fee alone. Lost: the fee and the amount. Nothing stays in dispute."""
    opened = dispute_opened("d", at=NOON, customer="cus", amount=_eur(amount), fee=_eur(fee))
    won = balances([opened, dispute_won("d", at=NOON, customer="cus", amount=_eur(amount))])
    lost = balances([opened, dispute_lost("d", at=NOON, customer="cus", amount=_eur(amount))])

    assert won.of(Account.IN_DISPUTE, "EUR") == lost.of(Account.IN_DISPUTE, "EUR") == ZERO
    assert won.of(Account.CASH, "EUR") == _eur(-fee)
    assert lost.of(Account.CASH, "EUR") == _eur(-fee - amount)
    assert lost.of(Account.BAD_DEBT, "EUR") == _eur(amount)


@given(due=amounts)
def test_a_late_payment_takes_back_what_was_given_up(due: int) -> None:
    """Issued, given up, paid after all: only the earned money and the cash remain."""
    books = balances(
        [
            invoice_issued("i", at=NOON, customer="cus", earned=_eur(due), deferred=ZERO),
            invoice_given_up("i", at=NOON, customer="cus", amount=_eur(due)),
            payment_received("p", at=NOON, customer="cus", amount=_eur(due), given_up=True),
        ]
    )

    assert books.of(Account.RECEIVABLE, "EUR") == books.of(Account.BAD_DEBT, "EUR") == ZERO
    assert books.of(Account.CASH, "EUR") == _eur(due)


@pytest.mark.parametrize(("amount", "surplus"), [(0, 0), (-1, 0), (100, 101), (100, -1)])
def test_amounts_that_cannot_be_are_refused(amount: int, surplus: int) -> None:
    """Nothing, less than nothing, or more surplus than payment."""
    for template in (payment_received, payment_refunded):
        with pytest.raises(PostingError):
            template("x", at=NOON, customer="cus", amount=_eur(amount), surplus=_eur(surplus))
