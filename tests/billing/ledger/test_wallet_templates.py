"""Wallets in the books: each fact touches the accounts it should, and the wallet's account is what customers have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.balance import balances
from billing.ledger.posting import PostingError
from billing.ledger.templates.wallets import (
    wallet_burned,
    wallet_expired,
    wallet_given,
    wallet_paid,
    wallet_returned,
    wallet_revoked,
)

if TYPE_CHECKING:
    from typing import Any

AT = datetime(2026, 1, 31, tzinfo=UTC)
MINOR = st.integers(1, 10**9)


def _fact(minor: int) -> dict[str, Any]:
    return {"at": AT, "customer": "cus_1", "amount": Money(minor, "EUR")}


@given(MINOR)
def test_what_goes_in_and_out_again_leaves_nothing(minor: int) -> None:
    """Paid and ended is earned; given and ended, or given and taken back, is as if it had never been."""
    paid = [
        wallet_paid("g", paid_by=Account.CASH, **_fact(minor)),
        wallet_expired("g", paid=True, **_fact(minor)),
    ]
    assert balances(paid).natural(Account.EXPIRED_CREDIT, "EUR") == Money(minor, "EUR")
    assert balances(paid).of(Account.WALLET, "EUR") == Money(0, "EUR")

    for end in (wallet_expired("g", paid=False, **_fact(minor)), wallet_revoked("g", **_fact(minor))):
        assert set(balances([wallet_given("g", **_fact(minor)), end]).minor.values()) == {0}


@given(MINOR)
def test_a_return_is_the_reverse_of_its_burn(minor: int) -> None:
    """Account by account."""
    found = balances([wallet_burned("inv", **_fact(minor)), wallet_returned("inv", **_fact(minor))])

    assert set(found.minor.values()) == {0}
    assert {account for account, _ in found.minor} == {Account.WALLET, Account.RECEIVABLE}


def test_a_wallet_is_paid_into_with_cash_or_on_account() -> None:
    """From no other account, and never with nothing."""
    with pytest.raises(PostingError):
        wallet_paid("g", paid_by=Account.REVENUE, **_fact(1))
    with pytest.raises(PostingError):
        wallet_given("g", **_fact(0))
