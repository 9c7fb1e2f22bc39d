"""A grant gives one feature to one customer for a time; what a customer may use is the fold of the grants in force.

A boolean feature is had when any grant says so. Limits add up (a plan's plus those of its add-ons), and one grant without a limit
lifts it for all. Usage counts in the period of the subscription that granted the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.kernel.cadence import Cadence


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right from `starts_at` (included) to `ends_at` (excluded, None for open), and where it came from."""

    id: str
    customer_id: str
    feature: str
    value: bool | int | None
    source_kind: str
    source_key: str
    subscription_id: str
    cadence: Cadence
    starts_at: datetime
    ends_at: datetime | None

    def in_force(self, now: datetime) -> bool:
        """Whether the grant counts at this instant."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True)
class Right:
    """The effective right to one feature: `value` is True, a limit, or None for no limit; `grants` are what it comes from."""

    value: bool | int | None
    grants: tuple[Grant, ...]


def effective(grants: Iterable[Grant], now: datetime) -> Right | None:
    """The right that grants of one feature add up to, or None when none is in force."""
    current = tuple(sorted((grant for grant in grants if grant.in_force(now)), key=lambda grant: grant.id))
    if not current:
        return None
    values = [grant.value for grant in current]
    if any(isinstance(value, bool) for value in values):
        return Right(any(value is True for value in values), current)
    numbers = [value for value in values if value is not None]
    return Right(sum(numbers) if len(numbers) == len(values) else None, current)
