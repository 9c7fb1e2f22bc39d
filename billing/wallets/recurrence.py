"""Recurring grants: the same amount every period of a cadence, and what of the last period's rest goes over into the next.

Monthly credits on a yearly plan are a monthly cadence anchored at the plan's start; every period comes from the anchor, so that what
began on the 31st stays there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.wallets.grant import Grant, GrantError, GrantKind

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.cadence import Cadence
    from billing.kernel.money import Money
    from billing.wallets.grant import Credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollover:
    """What is kept at a reset: at most `most` of the rest, and never less than `least`, which is given where less is left.

    >>> from billing.kernel.money import Money
    >>> Rollover(least=Money(0, "EUR"), most=Money(5000, "EUR")).kept(Money(9000, "EUR")).text
    '50.00'
    """

    least: Money
    most: Money

    def __post_init__(self) -> None:
        if not 0 <= self.least.amount_minor <= self.most.amount_minor or self.least.currency != self.most.currency:
            raise GrantError("a rollover keeps from zero upwards, and its least is not above its most")

    def kept(self, rest: Money) -> Money:
        """How much the next period begins with, from a rest of zero or more."""
        return min(self.most, max(rest, self.least))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A grant of `amount` at every boundary of `cadence` before `ends_at`, each until the next.

    `next_number` is the number of the period that is granted next, `first_number` of the one that was granted first.
    """

    id: str
    key: str
    amount: Money
    cadence: Cadence
    rollover: Rollover
    first_number: int = 0
    next_number: int = 0
    priority: int = 0
    ends_at: datetime | None = None
    credits: Credits | None = None

    def __post_init__(self) -> None:
        if self.amount.amount_minor <= 0:
            raise GrantError("a recurring grant is above zero", amount=str(self.amount))
        if self.rollover.most.currency != self.amount.currency:
            raise GrantError("a rollover is in the currency of its grant", currency=self.rollover.most.currency)

    @property
    def next_at(self) -> datetime | None:
        """When it grants next; None once it has ended."""
        boundary = self.cadence.boundary(self.next_number)
        return None if self.ends_at is not None and boundary >= self.ends_at else boundary

    def grant(self) -> Grant:
        """The grant of the next period."""
        return self._grant(self.amount, GrantKind.PROMOTIONAL, "", self.credits)

    def rolled(self, kept: Money) -> Grant:
        """What the next period keeps of the rest before it; it ends with that period unless it is kept again."""
        return self._grant(kept, GrantKind.ROLLOVER, "_kept", None)

    @property
    def has_granted(self) -> bool:
        """Whether there was a period before the next one."""
        return self.next_number > self.first_number

    def taken(self) -> Recurrence:
        """After the next period was granted."""
        return replace(self, next_number=self.next_number + 1)

    def _grant(self, amount: Money, kind: GrantKind, mark: str, credits_: Credits | None) -> Grant:
        period = self.cadence.period(self.next_number)
        name = f"{self.id}_{self.next_number}{mark}"
        return Grant(
            id=name,
            key=name,
            kind=kind,
            amount=amount,
            remaining=amount,
            starts_at=period.start,
            created_at=period.start,
            expires_at=period.end,
            priority=self.priority,
            recurrence_id=self.id,
            credits=credits_,
        )
