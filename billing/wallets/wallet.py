"""A wallet: one for each customer and currency, how far it may be overdrawn, and when it says that it runs low."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from billing.kernel.money import Money

MAX_TOP_UPS_A_MONTH = 100


class WalletNotFoundError(NotFoundError):
    """No such wallet of this tenant."""

    code = "wallet_not_found"


class GrantNotFoundError(NotFoundError):
    """No such grant of this tenant."""

    code = "grant_not_found"


class RecurrenceNotFoundError(NotFoundError):
    """No such recurring grant of this wallet."""

    code = "recurring_grant_not_found"


class WalletError(InvalidError):
    """A wallet, or a rule of it, that cannot be as told."""

    code = "invalid_wallet"


class WalletExistsError(ConflictError):
    """The customer has a wallet in this currency that is unlike the one asked for."""

    code = "wallet_exists"


class GrantExistsError(ConflictError):
    """The key of a grant stands for another grant already."""

    code = "grant_exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpRule:
    """When less than `threshold` is left, `amount` is asked for, or what brings the balance to `target`; `most` times a month."""

    threshold: Money
    most: int
    amount: Money | None = None
    target: Money | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.target is None):
            raise WalletError("a top-up is of an 'amount', or up to a 'target'; name one of them", field="amount")
        if not 1 <= self.most <= MAX_TOP_UPS_A_MONTH:
            raise WalletError(f"between 1 and {MAX_TOP_UPS_A_MONTH} top-ups a month", field="most_a_month")
        if self.threshold.amount_minor < 0:
            raise WalletError("a threshold is zero or more", field="threshold")
        if self.amount is not None and self.amount.amount_minor <= 0:
            raise WalletError("a top-up is above zero", field="amount")
        if self.target is not None and self.target <= self.threshold:
            raise WalletError("a target is above the threshold, or it would be asked for again at once", field="target")
        if (self.amount or self.threshold).currency != self.threshold.currency:
            raise WalletError("a rule is in one currency", field="amount")

    def wanted(self, balance: Money) -> Money | None:
        """What to ask for at this balance; None while it is enough."""
        if balance >= self.threshold:
            return None
        return self.amount if self.target is None else self.target - balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """`rate` is what a credit is worth in grants to come (those made keep theirs); `floor` is zero, or below it an overdraft.

    `zone` is the one in which months of top-ups are counted; `told_low` that the outside knows the balance is below `low_balance`.
    """

    id: str
    customer_id: str
    currency: str
    floor: Money
    zone: str
    opened_at: datetime
    rate: Decimal | None = None
    low_balance: Money | None = None
    told_low: bool = False
    top_up: TopUpRule | None = None

    def __post_init__(self) -> None:
        for money in (self.floor, self.low_balance, self.top_up.threshold if self.top_up else None):
            if money is not None and money.currency != self.currency:
                raise WalletError(f"the wallet is in {self.currency}", currency=money.currency)
        if self.floor.amount_minor > 0:
            raise WalletError("a floor is zero, or below zero where the wallet may be overdrawn", field="floor")
        if self.low_balance is not None and self.low_balance <= self.floor:
            raise WalletError("a balance is low above the floor", field="low_balance")
        if self.rate is not None and not (self.rate.is_finite() and self.rate > 0):
            raise WalletError("a credit is worth more than nothing", field="rate")

    def is_low(self, balance: Money) -> bool:
        """Whether somebody should know."""
        return self.low_balance is not None and balance < self.low_balance
