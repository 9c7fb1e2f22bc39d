"""A grant gives one feature to one customer for a time; what a customer may use is the fold of the grants in force.

A boolean feature is had when any grant says so. Limits add up (a plan's plus those of its add-ons), and one grant without a limit
lifts it for all. Usage counts in the period of the subscription that granted the limit. An override is said by hand and stands in place of
all of that for as long as it is in force, in the period of the right it replaces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.kernel.cadence import Cadence

OVERRIDE = "override"
"""The source of a right that the business set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right from `starts_at` (included) to `ends_at` (excluded, None for open), where it came from, and `why` if somebody said."""

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
    why: str = ""

    @property
    def is_override(self) -> bool:
        """Whether it was set by hand, in place of what was bought."""
        return self.source_kind == OVERRIDE

    @property
    def is_sold(self) -> bool:
        """Whether a subscription gave it."""
        return not self.is_override

    def in_force(self, now: datetime) -> bool:
        """Whether the grant counts at this instant."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True)
class Right:
    """The effective right to one feature: `value` is True, a limit, or None for no limit; `grants` are what it comes from."""

    value: bool | int | None
    grants: tuple[Grant, ...]

    @property
    def is_override(self) -> bool:
        """Whether it was set by hand: nothing that is bought changes it."""
        return bool(self.grants) and self.grants[0].is_override


def effective(grants: Iterable[Grant], now: datetime) -> Right | None:
    """The right that grants of one feature add up to, or None when none is in force."""
    current = tuple(sorted((grant for grant in grants if grant.in_force(now)), key=lambda grant: grant.id))
    if not current:
        return None
    by_hand = [grant for grant in current if grant.is_override]
    if by_hand:
        last = max(by_hand, key=lambda grant: (grant.starts_at, grant.id))
        replaced = next((grant for grant in current if grant.is_sold), last)
        return Right(last.value, (replace(last, cadence=replaced.cadence),))
    values = [grant.value for grant in current]
    if any(isinstance(value, bool) for value in values):
        return Right(any(value is True for value in values), current)
    numbers = [value for value in values if value is not None]
    return Right(sum(numbers) if len(numbers) == len(values) else None, current)
