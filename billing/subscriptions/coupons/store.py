"""The queries over redemptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from billing.pricing.coupon_document import parse_coupon
from billing.subscriptions.coupons.redemption import Redemption, RedemptionNotFoundError
from billing.subscriptions.coupons.tables import RedemptionRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from billing.db.session import Unit


class RedemptionStore:
    """Reads and writes the redemptions of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, redemption: Redemption, document: Mapping[str, Any], *, coupon_id: str, customer_id: str) -> None:
        """A new redemption, keeping the coupon's document."""
        self._session.add(
            RedemptionRow(
                id=redemption.id,
                coupon_id=coupon_id,
                subscription_id=redemption.subscription_id,
                customer_id=customer_id,
                document=dict(document),
                redeemed_at=redemption.redeemed_at,
                first_period=redemption.first_period,
            )
        )
        self._session.flush()

    def of_subscriptions(self, ids: Iterable[str]) -> dict[str, tuple[Redemption, ...]]:
        """The redemptions of each subscription that has any, oldest first, in one query."""
        query = select(RedemptionRow).where(RedemptionRow.subscription_id.in_(sorted(set(ids))))
        found: dict[str, tuple[Redemption, ...]] = {}
        for row in self._session.scalars(query.order_by(RedemptionRow.redeemed_at, RedemptionRow.id)):
            found[row.subscription_id] = (*found.get(row.subscription_id, ()), _redemption(row))
        return found

    def has_redeemed(self, coupon_id: str, customer_id: str) -> bool:
        """Whether a customer redeemed a coupon before, on whatever subscription."""
        query = select(RedemptionRow.id).where(
            RedemptionRow.coupon_id == coupon_id, RedemptionRow.customer_id == customer_id
        )
        return self._session.scalar(query.limit(1)) is not None

    def end(self, subscription_id: str, redemption_id: str, at: datetime) -> Redemption:
        """Take a coupon off from the next period on; once ended it stays as it is."""
        row = self._session.scalar(
            select(RedemptionRow)
            .where(RedemptionRow.id == redemption_id, RedemptionRow.subscription_id == subscription_id)
            .with_for_update()
        )
        if row is None:
            raise RedemptionNotFoundError(
                f"this subscription has no redemption {redemption_id[:60]!r}", redemption=redemption_id[:200]
            )
        row.ended_at = row.ended_at or at
        self._session.flush()
        return _redemption(row)


def _redemption(row: RedemptionRow) -> Redemption:
    return Redemption(
        id=row.id,
        subscription_id=row.subscription_id,
        coupon=parse_coupon(row.document),
        redeemed_at=row.redeemed_at,
        first_period=row.first_period,
        ended_at=row.ended_at,
    )
