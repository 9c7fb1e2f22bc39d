"""Spending from grants: which of them pay how much of an amount at an instant. Pure, and the same for any order of the grants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.kernel.money import Money
from billing.wallets.grant import GrantError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.wallets.grant import Grant


@dataclass(frozen=True, slots=True)
class Part:
    """What one grant pays, above zero."""

    grant_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Burn:
    """The parts in the order of use; together with `unpaid` they are the amount asked for."""

    parts: tuple[Part, ...]
    unpaid: Money

    @property
    def paid(self) -> Money:
        """The sum of the parts."""
        return sum((part.amount for part in self.parts), Money.zero(self.unpaid.currency))


def burn(grants: Iterable[Grant], amount: Money, at: datetime) -> Burn:
    """Pay `amount`, zero or more, from the grants that count at `at`, each down to nothing before the next is touched."""
    if amount.amount_minor < 0:
        raise GrantError("an amount to spend is zero or more", amount=str(amount))
    parts, unpaid = [], amount
    for grant in sorted((each for each in grants if each.counts(at)), key=lambda each: each.place):
        if unpaid.amount_minor == 0:
            break
        taken = min(grant.remaining, unpaid)
        parts.append(Part(grant.id, taken))
        unpaid -= taken
    return Burn(tuple(parts), unpaid)


def spendable(grants: Iterable[Grant], at: datetime, currency: str) -> Money:
    """What the grants that count at `at` hold together."""
    return sum((grant.remaining for grant in grants if grant.counts(at)), Money.zero(currency))
