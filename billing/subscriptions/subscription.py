"""A subscription: one customer, one pinned plan version, its add-ons, and the anchored periods it is billed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import ConflictError, NotFoundError
from billing.pricing.context import NO_CONTEXT, PricingContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.kernel.cadence import Cadence
    from billing.kernel.money import Money


class SubscriptionNotFoundError(NotFoundError):
    """No such subscription of this tenant."""

    code = "subscription_not_found"


class AlreadySubscribedError(ConflictError):
    """A customer has one subscription at a time: change it instead."""

    code = "already_subscribed"


class ChangeRefusedError(ConflictError):
    """The change cannot be made; the sentence says why."""

    code = "change_refused"


class Status(Enum):
    """Where a subscription is in its life. A cancelling one runs to the end of the period that was paid."""

    TRIALING = "trialing"
    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    ENDED = "ended"


class Scheduled(Enum):
    """What may be set to happen later: another plan or number of seats, an add-on that goes, a pause, and the end of one."""

    CHANGE = "change"
    REMOVE = "remove"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledStep:
    """One thing that happens at `at`: `target` is a plan or add-on, pinned to `version_id`, in `seats` seats (None: as many as now)."""

    kind: Scheduled
    at: datetime
    target: str | None = None
    version_id: str | None = None
    seats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonItem:
    """An add-on on a subscription, with the version it pinned and in how many seats it was taken."""

    plan_key: str
    version_id: str
    started_at: datetime
    seats: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """`billed_periods` counts the periods of the present cadence whose advance fees have been asked for; `revision` rises with each change.

    A trial lies before period 0. `usage_from` is where usage begins that no invoice has taken, `sequence` how many invoices were made,
    `phase_from` the period in which the pinned plan's first phase began, and `scheduled` what will happen, soonest first.
    `facts` are what its prices may depend on; they change by an act of their own, at a known instant.
    """

    id: str
    customer_id: str
    plan_key: str
    version_id: str
    currency: str
    cadence: Cadence
    status: Status
    started_at: datetime
    ends_at: datetime | None
    billed_periods: int
    revision: int
    usage_from: datetime
    addons: tuple[AddonItem, ...] = ()
    trial_ends_at: datetime | None = None
    paused_at: datetime | None = None
    sequence: int = 0
    phase_from: int = 0
    seats: int = 1
    scheduled: tuple[ScheduledStep, ...] = ()
    facts: PricingContext = NO_CONTEXT

    @property
    def version_ids(self) -> tuple[str, ...]:
        """The pinned versions, plan first."""
        return (self.version_id, *(addon.version_id for addon in self.addons))

    @property
    def items(self) -> tuple[tuple[str, int], ...]:
        """(version id, seats) of the plan and then of each add-on."""
        return ((self.version_id, self.seats), *((addon.version_id, addon.seats) for addon in self.addons))

    @property
    def is_running(self) -> bool:
        """Whether it has not ended; a paused one has not."""
        return self.status is not Status.ENDED

    def owns(self, plan_key: str) -> bool:
        """Whether this plan or add-on is already on it."""
        return plan_key == self.plan_key or any(addon.plan_key == plan_key for addon in self.addons)


def next_boundary(subscription: Subscription) -> datetime | None:
    """When something next falls due: the end of the last billed period, a scheduled step or the end, whichever is first; None for never."""
    if not subscription.is_running:
        return None
    moments = [step.at for step in subscription.scheduled]
    if subscription.status is not Status.PAUSED:
        moments.append(subscription.cadence.boundary(subscription.billed_periods))
    if subscription.ends_at is not None:
        moments.append(subscription.ends_at)
    return min(moments, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLine:
    """A priced line that waits for the next invoice. `key` is unique, so that one fact is billed once."""

    key: str
    subscription_id: str
    customer_id: str
    version_id: str
    quote_id: str | None
    document: Mapping[str, Any]
    amount: Money
    created_at: datetime
    invoice_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price promised until `expires_at`: accepting it bills exactly these lines."""

    id: str
    customer_id: str
    subscription_id: str
    target: str
    version_id: str
    revision: int
    lines: tuple[Mapping[str, Any], ...]
    total: Money
    recurring: Money
    quoted_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    seats: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One step of a subscription's history, as the learning side reads it. `mrr_minor` is the monthly value after the step.

    `reason` is said of a cancelling and of the end it leads to: "voluntary", "payment" (given up after failed payments), or
    empty where nobody decided or it was never recorded.
    """

    subscription_id: str
    customer_id: str
    kind: str
    plan_key: str
    plan_rank: int
    mrr_minor: int
    at: datetime
    received_at: datetime
    reason: str = ""
