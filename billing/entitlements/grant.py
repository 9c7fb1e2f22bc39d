"""A grant gives one feature to one customer for a time; what a customer may use is the fold of the grants in force.

A boolean feature is had when any grant says so. Limits add up (a plan's plus those of its add-ons and of a trial), and one grant without
a limit lifts it for all. A configuration has one value: the trial's, else the add-on's, else the plan's. Usage counts in the period of the
subscription that granted the limit. An experiment's arm stands in place of all that, and what was set by hand in place of everything,
for as long as it is in force, in the period of the right it replaces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.catalog.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.catalog.setting import Value
    from billing.kernel.cadence import Cadence

OVERRIDE = "override"
"""The source of a right that the business set by hand."""
ARM = "arm"
"""The source of a right that an experiment gives to those in one of its arms; its key is `experiment:arm`."""
TRIAL = "trial"
"""The source of a right that is tried out for a time, beside what was bought."""
_INSTEAD = (OVERRIDE, ARM)
_NOT_SOLD = frozenset({OVERRIDE, ARM, TRIAL})
_NEAREST = {TRIAL: 0, "addon": 1, "bought": 2}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a right came from: a plan, add-on, override, trial or an experiment's arm, by key."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One right from `starts_at` (included) to `ends_at` (excluded, None for open), where it came from, and `why` if somebody said."""

    id: str
    customer_id: str
    feature: str
    value: Value
    source_kind: str
    source_key: str
    subscription_id: str
    cadence: Cadence
    starts_at: datetime
    ends_at: datetime | None
    why: str = ""

    @property
    def source(self) -> Source:
        """Where it came from."""
        return Source(self.source_kind, self.source_key)

    @property
    def is_override(self) -> bool:
        """Whether it was set by hand, in place of what was bought."""
        return self.source_kind == OVERRIDE

    @property
    def is_sold(self) -> bool:
        """Whether a subscription gave it."""
        return self.source_kind not in _NOT_SOLD

    def in_force(self, now: datetime) -> bool:
        """Whether the grant counts at this instant."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True)
class Right:
    """The effective right to one feature: `value` is True, a limit, None for no limit, or a setting; `grants` are what it comes from."""

    value: Value
    grants: tuple[Grant, ...]

    @property
    def is_override(self) -> bool:
        """Whether it was set by hand: nothing that is bought changes it."""
        return bool(self.grants) and self.grants[0].is_override

    @property
    def stands_instead(self) -> bool:
        """Whether it was set by hand, or by an experiment's arm, in place of what was bought."""
        return bool(self.grants) and self.grants[0].source_kind in _INSTEAD

    @property
    def units(self) -> int | None:
        """The limit; None where there is none."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where it came from."""
        return tuple(grant.source for grant in self.grants)


def effective(grants: Iterable[Grant], now: datetime) -> Right | None:
    """The right that grants of one feature add up to, or None when none is in force."""
    current = tuple(sorted((grant for grant in grants if grant.in_force(now)), key=lambda grant: grant.id))
    if not current:
        return None
    for kind in _INSTEAD:
        instead = [grant for grant in current if grant.source_kind == kind]
        if instead:
            last = max(instead, key=lambda grant: (grant.starts_at, grant.id))
            replaced = next((grant for grant in current if grant.is_sold), last)
            return Right(last.value, (replace(last, cadence=replaced.cadence),))
    if any(isinstance(grant.value, Setting) for grant in current):
        nearest = min(current, key=lambda grant: _NEAREST.get(grant.source_kind, len(_NEAREST)))
        return Right(nearest.value, (nearest,))
    by_period = tuple(
        sorted(current, key=lambda grant: not grant.is_sold)
    )  # units count in the period of what was bought
    values = [grant.value for grant in by_period]
    if any(isinstance(value, bool) for value in values):
        return Right(any(value is True for value in values), by_period)
    numbers = [value for value in values if isinstance(value, int)]
    return Right(sum(numbers) if len(numbers) == len(values) else None, by_period)
