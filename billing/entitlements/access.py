"""The gate's answer and its reason. A denial is an answer, not an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.setting import Value
    from billing.entitlements.grant import Source
    from billing.kernel.money import Money


class Reason(Enum):
    """Why a gate answered as it did."""

    GRANTED = "granted"
    BY_DEFAULT = "default"
    WITHIN_LIMIT = "within_limit"
    UNLIMITED = "unlimited"
    OVER_LIMIT = "over_limit"
    IN_GRACE = "in_grace"
    FAILED_OPEN = "failed_open"
    LIMIT_REACHED = "limit_reached"
    PAYMENT_OVERDUE = "payment_overdue"
    NOT_IN_PLAN = "not_in_plan"
    NO_SUBSCRIPTION = "no_subscription"
    FAILED_CLOSED = "failed_closed"


@dataclass(frozen=True, slots=True)
class Unlock:
    """A plan or add-on that would change a denial, with its recurring price."""

    kind: str
    key: str
    name: str
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A gate's answer. `limit`, `used` and `remaining` are units of the feature's meter in the period that ends at `resets_at`."""

    customer: str
    feature: str
    allowed: bool
    reason: Reason
    value: Value
    limit: int | None
    used: Decimal | None
    remaining: Decimal | None
    resets_at: datetime | None
    as_of: datetime
    unlock: tuple[Unlock, ...] = ()
    held: Decimal | None = None
    sources: tuple[Source, ...] = ()

    @property
    def source(self) -> str:
        """Where the right came from in a word, such as `plan:pro` or `plan:pro+addon:extra`; nothing without one."""
        return "+".join(f"{each.kind}:{each.key}" for each in self.sources)

    @property
    def overage(self) -> Decimal:
        """Units used beyond the limit: allowed by a soft limit, or used before the limit became smaller."""
        return Decimal(0) if self.limit is None or self.used is None else max(self.used - self.limit, Decimal(0))

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing of a limit is left."""
        return self.remaining is not None and self.remaining <= 0

    @property
    def usage_ratio(self) -> Fraction | None:
        """What share of the limit is used, exactly; None without a limit above 0."""
        return Fraction(self.used) / self.limit if self.limit and self.used is not None else None


def suspended(access: Access) -> Access:
    """The answer for a customer whose unpaid invoice has outlasted its grace: what they have is kept, and may not be used."""
    return replace(access, allowed=False, reason=Reason.PAYMENT_OVERDUE) if access.allowed else access
