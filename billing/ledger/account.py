"""The chart of accounts: what each account holds and on which side it normally stands.

A new account is one line in `Account` and one in `_KINDS`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.kernel.money import Money


class AccountKind(Enum):
    """What sort of thing an account counts."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


class Side(Enum):
    """The side on which an account grows."""

    DEBIT = "debit"
    CREDIT = "credit"


class Account(Enum):
    """The accounts of a tenant's books; the value is the code that is stored."""

    CASH = "cash"  # money received from customers
    RECEIVABLE = "receivable"  # invoiced and not yet paid
    IN_DISPUTE = "in_dispute"  # taken back by a bank while a payment is disputed
    CUSTOMER_CREDIT = "customer_credit"  # owed to customers, spendable on later invoices
    REFUNDS_DUE = "refunds_due"  # credited to customers and on its way back to them
    WALLET = "wallet"  # prepaid by customers, spendable until it expires
    DEFERRED_REVENUE = "deferred_revenue"  # invoiced in advance, not yet earned
    TAX_PAYABLE = "tax_payable"  # collected for a tax office
    REVENUE = "revenue"  # earned
    EXPIRED_CREDIT = "expired_credit"  # prepaid and never used
    GOODWILL = "goodwill"  # credits given away
    BAD_DEBT = "bad_debt"  # invoiced and given up
    FEES = "fees"  # taken by providers and banks

    @property
    def kind(self) -> AccountKind:
        """Asset, liability, income or expense."""
        return _KINDS[self]

    @property
    def normal_side(self) -> Side:
        """Assets and expenses grow by debits, liabilities and income by credits."""
        return Side.DEBIT if self.kind in (AccountKind.ASSET, AccountKind.EXPENSE) else Side.CREDIT

    def natural(self, balance: Money) -> Money:
        """A signed balance (debits positive) as people read it: positive on the account's normal side."""
        return balance if self.normal_side is Side.DEBIT else -balance


_KINDS: Mapping[Account, AccountKind] = {
    Account.CASH: AccountKind.ASSET,
    Account.RECEIVABLE: AccountKind.ASSET,
    Account.IN_DISPUTE: AccountKind.ASSET,
    Account.CUSTOMER_CREDIT: AccountKind.LIABILITY,
    Account.REFUNDS_DUE: AccountKind.LIABILITY,
    Account.WALLET: AccountKind.LIABILITY,
    Account.DEFERRED_REVENUE: AccountKind.LIABILITY,
    Account.TAX_PAYABLE: AccountKind.LIABILITY,
    Account.REVENUE: AccountKind.INCOME,
    Account.EXPIRED_CREDIT: AccountKind.INCOME,
    Account.GOODWILL: AccountKind.EXPENSE,
    Account.BAD_DEBT: AccountKind.EXPENSE,
    Account.FEES: AccountKind.EXPENSE,
}
