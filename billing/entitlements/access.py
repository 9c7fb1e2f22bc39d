"""The gate: from a right, what was used and what is asked, to an answer with its reason. A denial is an answer, not an error.

The verdict and its explanation come from one evaluation, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.item import Feature
    from billing.entitlements.grant import Right
    from billing.kernel.money import Money


class Reason(Enum):
    """Why a gate answered as it did."""

    GRANTED = "granted"
    WITHIN_LIMIT = "within_limit"
    UNLIMITED = "unlimited"
    OVER_LIMIT = "over_limit"
    LIMIT_REACHED = "limit_reached"
    PAYMENT_OVERDUE = "payment_overdue"
    NOT_IN_PLAN = "not_in_plan"
    NO_SUBSCRIPTION = "no_subscription"


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
    value: bool | int | None
    limit: int | None
    used: Decimal | None
    remaining: Decimal | None
    resets_at: datetime | None
    as_of: datetime
    unlock: tuple[Unlock, ...] = ()

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


def decide(
    feature: Feature,
    right: Right | None,
    *,
    customer: str,
    has_subscription: bool,
    used: Decimal,
    quantity: Decimal,
    resets_at: datetime | None,
    now: datetime,
    is_soft: bool = False,
) -> Access:
    """Whether `quantity` more units (or the feature itself) may be used now; a soft limit allows more and says that it is exceeded."""
    if quantity < 0:
        raise InvalidError("quantity is not negative", quantity=str(quantity))
    reason = _reason(right, has_subscription=has_subscription, used=used, quantity=quantity)
    if is_soft and reason is Reason.LIMIT_REACHED:
        reason = Reason.OVER_LIMIT
    limit = right.value if right is not None and not isinstance(right.value, bool) else None
    counted = right is not None and not isinstance(right.value, bool)
    return Access(
        customer=customer,
        feature=feature.key,
        allowed=reason in {Reason.GRANTED, Reason.WITHIN_LIMIT, Reason.UNLIMITED, Reason.OVER_LIMIT},
        reason=reason,
        value=None if right is None else right.value,
        limit=limit,
        used=used if counted else None,
        remaining=max(Decimal(limit) - used, Decimal(0)) if limit is not None else None,
        resets_at=resets_at if counted else None,
        as_of=now,
    )


def _reason(right: Right | None, *, has_subscription: bool, used: Decimal, quantity: Decimal) -> Reason:
    if right is None or right.value is False:
        return Reason.NOT_IN_PLAN if has_subscription else Reason.NO_SUBSCRIPTION
    if right.value is True:
        return Reason.GRANTED
    if right.value is None:
        return Reason.UNLIMITED
    return Reason.WITHIN_LIMIT if used + quantity <= right.value else Reason.LIMIT_REACHED


def suspended(access: Access) -> Access:
    """The answer for a customer whose unpaid invoice has outlasted its grace: what they have is kept, and may not be used."""
    return replace(access, allowed=False, reason=Reason.PAYMENT_OVERDUE) if access.allowed else access
