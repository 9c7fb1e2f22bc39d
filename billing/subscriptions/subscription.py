"""A subscription: one customer, one pinned plan version, its add-ons, and the anchored periods it is billed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import ConflictError, NotFoundError

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

    ACTIVE = "active"
    CANCELLING = "cancelling"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonItem:
    """An add-on on a subscription, with the version it pinned."""

    plan_key: str
    version_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """`billed_periods` counts the periods whose advance fees have been asked for; `revision` rises with each change."""

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
    addons: tuple[AddonItem, ...] = field(default=())

    @property
    def version_ids(self) -> tuple[str, ...]:
        """The pinned versions, plan first."""
        return (self.version_id, *(addon.version_id for addon in self.addons))

    @property
    def is_running(self) -> bool:
        """Whether it still gives rights and costs money."""
        return self.status is not Status.ENDED

    def owns(self, plan_key: str) -> bool:
        """Whether this plan or add-on is already on it."""
        return plan_key == self.plan_key or any(addon.plan_key == plan_key for addon in self.addons)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One step of a subscription's history, as the learning side reads it. `mrr_minor` is the monthly value after the step."""

    subscription_id: str
    customer_id: str
    kind: str
    plan_key: str
    plan_rank: int
    mrr_minor: int
    at: datetime
    received_at: datetime
