"""Everything a decision may look at, gathered before it is made, so that deciding is a function of values.

Amounts are exact; ratios and probabilities are numbers between 0 and 1 (a usage ratio may pass 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A plan or add-on that could be offered: what it gives, which rank it has, and what it costs each period."""

    kind: str
    key: str
    name: str
    rank: int
    gives: Mapping[str, bool | int | None]
    recurring: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """How close one limit is: `used` of `limit` units in the present period."""

    feature: str
    name: str
    used: int
    limit: int

    @property
    def ratio(self) -> float:
        """The share of the limit that is used; a limit of nothing counts as full."""
        return self.used / self.limit if self.limit else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision:
    """An earlier decision about this customer and what came of it."""

    id: str
    target: str | None
    placement: str
    decided_at: datetime
    expires_at: datetime | None
    outcomes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferContext:
    """One customer at one moment. `targets` holds only what they do not own and may buy, cheapest first."""

    customer: str
    placement: str
    now: datetime
    is_held_out: bool
    opted_out: bool
    current: Target | None
    targets: tuple[Target, ...]
    limits: tuple[LimitUse, ...] = ()
    denials: Mapping[str, int] = field(default_factory=dict)
    propensity: float | None = None
    churn_risk: float | None = None
    past: tuple[PastDecision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An offer that a rule proposes: `unlocks` is the feature it is about, `message` what the customer would read."""

    rule: str
    target: Target
    unlocks: str | None
    message: str
    strength: float


def unlocks(target: Target, feature: str) -> bool:
    """Whether a target gives a feature to somebody who has none of it: the right itself, some units, or no limit."""
    return target.gives.get(feature, False) is True or gives_more(target, feature, 0)


def gives_more(target: Target, feature: str, limit: int) -> bool:
    """Whether a target's right to a feature really goes beyond a present limit."""
    value = target.gives.get(feature, False)
    if value is None:
        return True
    if isinstance(value, bool):
        return False
    return value > (0 if target.kind == "addon" else limit)
