"""From a history of monthly values to movements: new, expansion, contraction, churn and reactivation. Pure.

A customer in a currency is what moves, not a subscription: who leaves and comes back, on whichever subscription, is reactivated, and what
happens to a customer at one instant is one movement. A trial and a pause are worth nothing, so a pause is churn and its end reactivation.
Values are integers in minor units, so that movements add up to the difference exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime


class Movement(Enum):
    """Why monthly recurring revenue moved."""

    NEW = "new"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"
    REACTIVATION = "reactivation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a subscription's history: from `at` on it is worth `minor` a month."""

    customer: str
    currency: str
    subscription: str
    at: datetime
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A customer's monthly value changed by `minor` (signed) at `at`."""

    customer: str
    currency: str
    at: datetime
    kind: Movement
    minor: int


def movement(before: int, after: int, *, paid_before: bool) -> Movement | None:
    """What a change from one monthly value to another is; `paid_before` says whether the customer was ever worth more than nothing.

    >>> movement(0, 1900, paid_before=True)
    <Movement.REACTIVATION: 'reactivation'>
    """
    if before == after:
        return None
    if before == 0:
        return Movement.REACTIVATION if paid_before else Movement.NEW
    if after == 0:
        return Movement.CHURN
    return Movement.EXPANSION if after > before else Movement.CONTRACTION


def movements(steps: Iterable[Step]) -> Iterator[Move]:
    """The movements of steps that come customer by customer, currency by currency, oldest first; one customer is held at a time."""
    for (customer, currency), own in groupby(steps, key=lambda step: (step.customer, step.currency)):
        worth: dict[str, int] = {}
        before, paid = 0, False
        for at, together in groupby(own, key=lambda step: step.at):
            worth.update((step.subscription, step.minor) for step in together)
            after = sum(worth.values())
            kind = movement(before, after, paid_before=paid)
            if kind is not None:
                yield Move(customer=customer, currency=currency, at=at, kind=kind, minor=after - before)
            before, paid = after, paid or after != 0
