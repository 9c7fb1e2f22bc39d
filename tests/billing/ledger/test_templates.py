"""One template a business fact: the right accounts, a natural key, and books that balance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.balance import balances
from billing.ledger.posting import PostingError
from billing.ledger.templates.invoices import credit_applied, credit_granted, invoice_issued, invoice_voided
from billing.ledger.templates.payments import payment_received

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.ledger.posting import Transaction

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIGNED = st.integers(min_value=-(10**8), max_value=10**8).map(lambda minor: Money(minor, "EUR"))


def _eur(text: str) -> Money:
    return Money.of(text, "EUR")


@given(SIGNED, SIGNED, st.none() | SIGNED)
def test_an_issued_invoice_is_owed_by_one_side_only(earned: Money, deferred: Money, tax: Money | None) -> None:
    """Whatever the parts, the sum is receivable when positive and customer credit when negative."""
    folded = balances([invoice_issued("inv_1", at=NOON, customer="cus_1", earned=earned, deferred=deferred, tax=tax)])

    due = earned + deferred + (tax or Money.zero("EUR"))
    owed, owing = folded.natural(Account.RECEIVABLE, "EUR"), folded.natural(Account.CUSTOMER_CREDIT, "EUR")
    assert owed - owing == due
    assert min(owed.amount_minor, owing.amount_minor) == 0
    assert folded.natural(Account.REVENUE, "EUR") == earned
    assert folded.natural(Account.DEFERRED_REVENUE, "EUR") == deferred


@given(SIGNED, SIGNED)
def test_a_voided_invoice_leaves_no_trace_in_the_balances(earned: Money, deferred: Money) -> None:
    """Issue and void together move nothing."""
    issued = invoice_issued("inv_1", at=NOON, customer="cus_1", earned=earned, deferred=deferred)
    voided = invoice_voided("inv_1", at=NOON, issued=issued)

    assert not any(balances([issued, voided]).minor.values())
    assert (voided.key, voided.customer) == ("invoice_voided:inv_1", "cus_1")


def test_an_invoice_paid_by_credit_and_cash_is_settled() -> None:
    """30 of usage, 20 in advance and 10 tax: paid by 15 credit and 45 cash, nothing is owed."""
    who: dict[str, Any] = {"at": NOON, "customer": "cus_1"}
    book = [
        credit_granted("crd_1", amount=_eur("15.00"), **who),
        invoice_issued("inv_1", earned=_eur("30.00"), deferred=_eur("20.00"), tax=_eur("10.00"), **who),
        credit_applied("inv_1", amount=_eur("15.00"), **who),
        payment_received("pay_1", amount=_eur("45.00"), **who),
    ]

    folded = balances(book)
    standing = {
        account: folded.natural(account, "EUR").text for account in Account if folded.of(account, "EUR").amount_minor
    }
    assert standing == {
        Account.CASH: "45.00",
        Account.DEFERRED_REVENUE: "20.00",
        Account.TAX_PAYABLE: "10.00",
        Account.REVENUE: "30.00",
        Account.GOODWILL: "15.00",
    }


def test_each_fact_has_its_natural_key() -> None:
    """The key names the fact and its subject, so a retry is recognised."""
    who: dict[str, Any] = {"at": NOON, "customer": "cus_1"}
    made = [
        invoice_issued("inv_1", earned=_eur("1"), deferred=_eur("0"), **who),
        payment_received("pay_1", amount=_eur("1"), **who),
        credit_granted("crd_1", amount=_eur("1"), **who),
        credit_applied("inv_1", amount=_eur("1"), **who),
    ]

    assert [transaction.key for transaction in made] == [
        "invoice_issued:inv_1",
        "payment_received:pay_1",
        "credit_granted:crd_1",
        "credit_applied:inv_1",
    ]


def test_an_invoice_of_nothing_is_booked_as_nothing_owed() -> None:
    """A free plan's invoice is a fact like any other."""
    issued = invoice_issued("inv_1", at=NOON, customer="cus_1", earned=_eur("0"), deferred=_eur("0"))

    assert [(entry.account, entry.amount.text) for entry in issued.entries] == [(Account.RECEIVABLE, "0.00")]


@pytest.mark.parametrize("template", [payment_received, credit_granted, credit_applied])
@pytest.mark.parametrize("amount", ["0", "-1.00"])
def test_only_amounts_above_zero_are_paid_or_granted(template: Callable[..., Transaction], amount: str) -> None:
    """A sign would turn the fact into its opposite."""
    with pytest.raises(PostingError):
        template("x_1", at=NOON, customer="cus_1", amount=_eur(amount))


def test_only_the_invoices_own_issue_can_be_reversed() -> None:
    """Voiding one invoice with another's transaction is refused."""
    issued = invoice_issued("inv_1", at=NOON, customer="cus_1", earned=_eur("1"), deferred=_eur("0"))

    with pytest.raises(PostingError):
        invoice_voided("inv_2", at=NOON, issued=issued)
