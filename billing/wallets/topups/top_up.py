"""A top-up that was asked for: requested, then paid or failed. Pure.

Money that arrives is never refused: a top-up that failed and is paid after all counts. One that is paid cannot fail any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.cadence import Cadence
from billing.kernel.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.kernel.money import Money
    from billing.wallets.wallet import Wallet

PAUSE_AFTER_FAILURE = timedelta(days=1)


class TopUpNotFoundError(NotFoundError):
    """No such top-up of this tenant."""

    code = "top_up_not_found"


class TopUpStateError(ConflictError):
    """The top-up has come too far for this."""

    code = "top_up_state"


class TopUpState(Enum):
    """How far a top-up has come."""

    REQUESTED = "requested"
    PAID = "paid"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """`number` counts a wallet's top-ups from 1; `code` says why one failed."""

    id: str
    wallet_id: str
    number: int
    amount: Money
    state: TopUpState
    requested_at: datetime
    settled_at: datetime | None = None
    code: str | None = None

    def paid(self, at: datetime) -> TopUp:
        """After its money came in."""
        return replace(self, state=TopUpState.PAID, settled_at=at, code=None)

    def failed(self, code: str, at: datetime) -> TopUp:
        """After it could not be had."""
        if self.state is TopUpState.PAID:
            raise TopUpStateError("this top-up was paid; give the money back instead", top_up=self.id)
        return replace(self, state=TopUpState.FAILED, settled_at=at, code=code)


def wanted(wallet: Wallet, balance: Money, before: Sequence[TopUp], now: datetime) -> Money | None:
    """What to ask for now, None for nothing: enough is left, one is under way, one just failed, or the month has had its number.

    Months are those of the calendar in the wallet's zone; `before` has the wallet's top-ups, at least those of two months.
    """
    if wallet.top_up is None or any(_holds_back(each, now) for each in before):
        return None
    month = Cadence.monthly_on(1, now, wallet.zone).period_at(now)
    if sum(each.requested_at in month for each in before) >= wallet.top_up.most:
        return None
    return wallet.top_up.wanted(balance)


def _holds_back(top_up: TopUp, now: datetime) -> bool:
    if top_up.state is TopUpState.FAILED and top_up.settled_at is not None:
        return now < top_up.settled_at + PAUSE_AFTER_FAILURE
    return top_up.state is TopUpState.REQUESTED
