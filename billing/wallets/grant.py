"""Grants: the amounts a wallet is made of, and the one order in which they are used.

Lower priority first, then what ends soonest, what was given before what was paid for, the oldest, and last the id: a total order, so
that the same grants burn the same way whoever lists them. A grant counts from `starts_at` to before `expires_at`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money

if TYPE_CHECKING:
    from decimal import Decimal

MAX_PRIORITY = 1000
LAST_YEAR = 3000
_NEVER = datetime.max.replace(tzinfo=UTC)


class GrantError(InvalidError):
    """An amount that cannot be put into a wallet like this."""

    code = "invalid_grant"


class GrantKind(Enum):
    """Where a grant comes from."""

    PAID = "paid"
    PROMOTIONAL = "promotional"
    ROLLOVER = "rollover"  # left of a recurring grant when it was reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """What was sold or given in credits: `rate` is the money that one credit is worth, frozen with the grant.

    >>> from decimal import Decimal
    >>> Credits(count=Decimal(10), rate=Decimal(2)).worth("USD").text
    '20.00'
    """

    count: Decimal
    rate: Decimal

    def __post_init__(self) -> None:
        if not (self.count.is_finite() and self.count > 0 and self.rate.is_finite() and self.rate > 0):
            raise GrantError("credits and the money one is worth are above zero", credits=str(self.count))

    def worth(self, currency: str) -> Money:
        """The money they stand for, rounded once."""
        return Money.round(Fraction(self.count) * Fraction(self.rate), currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """`remaining` of `amount` is left; `key` is the fact it came from, `recurrence_id` the rule that made it."""

    id: str
    key: str
    kind: GrantKind
    amount: Money
    remaining: Money
    starts_at: datetime
    created_at: datetime
    expires_at: datetime | None = None
    priority: int = 0
    recurrence_id: str | None = None
    credits: Credits | None = None

    def __post_init__(self) -> None:
        if self.amount.amount_minor <= 0:
            raise GrantError("a grant is above zero", amount=str(self.amount))
        if not 0 <= self.remaining.amount_minor <= self.amount.amount_minor:
            raise GrantError("what is left of a grant is between nothing and all of it", left=str(self.remaining))
        if not 0 <= self.priority <= MAX_PRIORITY:
            raise GrantError(f"a priority is between 0 and {MAX_PRIORITY}; lower is used first", priority=self.priority)
        if self.expires_at is not None and self.expires_at <= self.starts_at:
            raise GrantError("a grant ends after it starts", expires_at=self.expires_at.isoformat())
        if self.starts_at.year > LAST_YEAR or (self.expires_at is not None and self.expires_at.year > LAST_YEAR):
            raise GrantError(f"a grant starts and ends before the year {LAST_YEAR}; leave the end out for none")

    @property
    def is_paid(self) -> bool:
        """Whether the customer paid for it."""
        return self.kind is GrantKind.PAID

    @property
    def place(self) -> tuple[int, datetime, bool, datetime, str]:
        """Where it stands in the order of use."""
        return self.priority, self.expires_at or _NEVER, self.is_paid, self.created_at, self.id

    def ended(self, at: datetime) -> bool:
        """Whether it counts no more; the instant of its end is past it."""
        return self.expires_at is not None and self.expires_at <= at

    def counts(self, at: datetime) -> bool:
        """Whether it can be spent at an instant."""
        return self.starts_at <= at and not self.ended(at) and self.remaining.amount_minor > 0

    def changed(self, amount: Money) -> Grant:
        """With so much more (or, below zero, less) left of it."""
        return replace(self, remaining=self.remaining + amount)
