"""A coupon as it is offered: its frozen document, how often it was redeemed, and whether it still may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class CouponNotFoundError(NotFoundError):
    """No such coupon of this tenant."""

    code = "coupon_not_found"


class CouponKeyTakenError(ConflictError):
    """A coupon of that key exists, archived or not; coupons never change."""

    code = "coupon_key_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponOffer:
    """`document` is what pricing reads; ids are `cpn_...`."""

    id: str
    key: str
    document: Mapping[str, Any] = field(hash=False)
    created_at: datetime
    redeemed: int = 0
    archived_at: datetime | None = None
