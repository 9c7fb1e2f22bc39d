"""Everything a decision may look at, gathered before it is made, and what comes out: deciding is a function of values.

Amounts are exact, in integer minor units; ratios and probabilities are numbers between 0 and 1 (a usage ratio may pass 1). Instants are
aware and in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from features.offers.policy import OfferPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.kernel.money import Money

OFFERED: Final = "offered"
HELD_OUT: Final = "held_out"
PROGRAMME: Final = "programme"
"""The experiment that all offers together are: who is held out against who is not."""


class OfferKind(Enum):
    """What may be offered: a plan, an add-on on it, a bundle of items, or something that makes a leaving customer stay."""

    PLAN = "plan"
    ADDON = "addon"
    BUNDLE = "bundle"
    SAVE = "save"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that could be offered: what it gives, which rank it has, and what it costs each period of `period_days`.

    `cost` is what it costs the business each period, None where that is not known. A bundle is paid once and has `parts` (item keys). A
    save-offer says in `saving` what is granted (a coupon, days of pause, a smaller plan); its `recurring` is what is paid with it.
    """

    kind: str
    key: str
    name: str
    rank: int
    gives: Mapping[str, bool | int | None]
    recurring: Money
    cost: Money | None = None
    parts: tuple[str, ...] = ()
    saving: Mapping[str, Any] | None = None
    period_days: int = 30


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
class Signal:
    """Something that happened and may call for an offer.

    `subject` is the feature, plan or item it is about, `strength` between 0 and 1; `evidence` is what people are shown of it.
    """

    trigger: str
    subject: str | None
    strength: float
    at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """Something that forbids selling: `payment_failed`, `ticket_open`, `incident` or `cancelling`; without `until` for the time being."""

    kind: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision:
    """An earlier decision that made an offer (or, for the held-out, would have) and what came of it.

    `rule` and `member` are None where they were not kept; `dismissed_at` falls back to the time of the decision. What `is_counterfactual`
    was never shown, yet counts as if it had been: the held-out live under the same caps as the others.
    """

    id: str
    target: str | None
    placement: str
    decided_at: datetime
    expires_at: datetime | None
    outcomes: frozenset[str]
    rule: str | None = None
    member: str | None = None
    dismissed_at: datetime | None = None
    is_counterfactual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One showing that counts: a reservation that still holds, or an impression (`confirmed`)."""

    decision: str
    target: str
    placement: str
    member: str | None
    at: datetime
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What models say of this customer, and what came of offers to all (`tried`: shown and accepted, by `rule:target`). All may be missing.

    `uplift` is the change in the chance to buy when an offer is shown, between `uplift_low` and `uplift_high` with 80 %; `churn_risk` the
    chance to leave within `churn_days`.
    """

    uplift: float | None = None
    uplift_low: float | None = None
    uplift_high: float | None = None
    uplift_fresh: bool = False
    propensity: float | None = None
    churn_risk: float | None = None
    churn_days: int = 30
    tried: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A running experiment of this placement and the arm this customer (or member) is in.

    `treatment` may say `show` (False: nothing is shown, the offer is only noted), `only_rules`, `message`, and `order` ("value" or
    "priority"); what it does not say stays as it is without the experiment.
    """

    experiment: str
    arm: str
    is_control: bool
    treatment: Mapping[str, Any]
    propensity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferContext:
    """One customer, or one member of a customer, at one moment and place.

    `targets` holds only what they do not own and may buy, cheapest first; `owned` what they have (plans, add-ons, items). `role` is the
    member's, None where the business does not say. `is_left_alone`: they unsubscribed from the channel that this place is. `tenant_shown`
    counts everybody's showings in the tenant cap's window. All randomness comes from `draw_seed`.
    """

    customer: str
    placement: str
    now: datetime
    is_held_out: bool
    opted_out: bool
    current: Target | None
    targets: tuple[Target, ...]
    member: str | None = None
    role: str | None = None
    zone: str = "UTC"
    customer_since: datetime | None = None
    consents: frozenset[str] = frozenset()
    is_left_alone: bool = False
    owned: frozenset[str] = frozenset()
    limits: tuple[LimitUse, ...] = ()
    denials: Mapping[str, int] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    negatives: tuple[Negative, ...] = ()
    learned: Learned = field(default_factory=Learned)
    past: tuple[PastDecision, ...] = ()
    shown: tuple[Shown, ...] = ()
    tenant_shown: int = 0
    policy: OfferPolicy = field(default_factory=OfferPolicy)
    trials: tuple[Trial, ...] = ()
    draw_seed: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An offer that a rule proposes: `unlocks` is the feature it is about, `message` what they would read, `signal` what raised it."""

    rule: str
    target: Target
    unlocks: str | None
    message: str
    strength: float
    signal: Signal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What a customer ran into, and what would open it if anything on sale does: an explanation that is owed though nothing is promoted."""

    feature: str
    name: str
    unlocked_by: str | None
    unlocked_by_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """That an experiment could have made a difference here; `counterfactual` where nothing was shown."""

    experiment: str
    arm: str
    counterfactual: bool
    propensity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to do: show `candidate`, show the open decision `repeat` again, or neither, and why.

    `propensity` is the chance with which the chosen was drawn among the allowed; `expected_minor` the margin it is expected to add;
    `counterfactual` what the held-out and control arms would have seen.
    """

    candidate: Candidate | None
    repeat: PastDecision | None
    reason: str
    propensity: float = 1.0
    expected_minor: int | None = None
    counterfactual: Candidate | None = None
    wall: Wall | None = None
    exposures: tuple[Exposure, ...] = ()
    trace: dict[str, Any]


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
