"""Wallets in the books: paid into, given, spent, ended, taken back, and returned when an invoice is voided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ledger.account import Account
from billing.ledger.posting import PostingError, Transaction
from billing.ledger.templates.moves import move

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.money import Money

_PAID_BY = (
    Account.CASH,
    Account.RECEIVABLE,
    Account.DEFERRED_REVENUE,
)  # the last: what an invoice of a top-up waits in


def wallet_paid(grant: str, *, at: datetime, customer: str, amount: Money, paid_by: Account) -> Transaction:
    """A customer paid ahead: with cash, on account, or by an invoice that was paid."""
    if paid_by not in _PAID_BY:
        raise PostingError("a wallet is paid into with cash, on account or by a paid invoice", account=paid_by.value)
    return Transaction(
        key=f"wallet_paid:{grant}",
        at=at,
        description=f"Wallet grant {grant} paid",
        entries=move(amount, debit=paid_by, credit=Account.WALLET),
        customer=customer,
    )


def wallet_given(grant: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """A grant that nobody pays for."""
    return Transaction(
        key=f"wallet_given:{grant}",
        at=at,
        description=f"Wallet grant {grant} given",
        entries=move(amount, debit=Account.GOODWILL, credit=Account.WALLET),
        customer=customer,
    )


def wallet_burned(invoice: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """The wallet pays (a part of) an invoice; once an invoice."""
    return Transaction(
        key=f"wallet_burned:{invoice}",
        at=at,
        description=f"Invoice {invoice} paid from the wallet",
        entries=move(amount, debit=Account.WALLET, credit=Account.RECEIVABLE),
        customer=customer,
    )


def wallet_returned(invoice: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """What the wallet paid of an invoice that was voided goes back into it."""
    return Transaction(
        key=f"wallet_returned:{invoice}",
        at=at,
        description=f"Wallet's payment of invoice {invoice} returned",
        entries=move(amount, debit=Account.RECEIVABLE, credit=Account.WALLET),
        customer=customer,
    )


def wallet_expired(grant: str, *, at: datetime, customer: str, amount: Money, paid: bool) -> Transaction:
    """The rest of a grant ended: of a paid one it is earned, of a given one it was never spent."""
    return Transaction(
        key=f"wallet_expired:{grant}",
        at=at,
        description=f"Rest of wallet grant {grant} expired",
        entries=move(amount, debit=Account.WALLET, credit=Account.EXPIRED_CREDIT if paid else Account.GOODWILL),
        customer=customer,
    )


def wallet_revoked(fact: str, *, at: datetime, customer: str, amount: Money) -> Transaction:
    """A part of a grant that was given is taken back."""
    return Transaction(
        key=f"wallet_revoked:{fact}",
        at=at,
        description=f"Wallet credit taken back for {fact}",
        entries=move(amount, debit=Account.WALLET, credit=Account.GOODWILL),
        customer=customer,
    )
