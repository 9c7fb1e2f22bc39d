"""A redeemed coupon: from which billing period it counts, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.kernel.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from datetime import datetime

    from billing.kernel.period import Period
    from billing.pricing.discount import Coupon


class CouponRefusedError(ConflictError):
    """The coupon cannot be redeemed here; the sentence says why."""

    code = "coupon_refused"


class RedemptionNotFoundError(NotFoundError):
    """The subscription has no such redemption."""

    code = "redemption_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """`coupon` as it was when redeemed; `first_period` is the subscription's first discounted period, `ended_at` when it was taken off."""

    id: str
    subscription_id: str
    coupon: Coupon
    redeemed_at: datetime
    first_period: int
    ended_at: datetime | None = None

    def covers(self, number: int, period: Period, zone: str = "UTC") -> bool:
        """Whether the subscription's billing period `number` is discounted; a period that began before it was taken off still is."""
        if number < self.first_period or (self.ended_at is not None and period.start >= self.ended_at):
            return False
        return self.coupon.duration.covers(number - self.first_period, period, self.redeemed_at, zone)
