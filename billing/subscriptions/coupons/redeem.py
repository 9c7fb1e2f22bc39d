"""Redeeming a coupon on a subscription: its limits are checked under its own lock, and it counts from the next billed period on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.coupons.store import CouponStore
from billing.kernel.ids import new_id
from billing.pricing.coupon_document import parse_coupon, parse_limits
from billing.pricing.discount import AmountOff
from billing.subscriptions.coupons.redemption import CouponRefusedError, Redemption
from billing.subscriptions.coupons.store import RedemptionStore
from billing.subscriptions.store import SubscriptionStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.coupons.offer import CouponOffer
    from billing.db.session import Unit
    from billing.pricing.coupon_document import Limits
    from billing.pricing.discount import Coupon
    from billing.subscriptions.subscription import Subscription


def redeem(unit: Unit, subscription_id: str, coupon_key: str, *, now: datetime) -> Redemption:
    """Put a coupon on a running subscription; a CouponRefusedError says which of its limits stands against it."""
    subscription = SubscriptionStore(unit).lock(subscription_id)
    offer = CouponStore(unit).get(coupon_key)
    coupon, limits = parse_coupon(offer.document), parse_limits(offer.document)
    _check_fits(subscription, coupon)
    _check_open(offer, limits, now)
    if not CouponStore(unit).count_redemption(offer.id, limits.max_redemptions):
        raise CouponRefusedError(f"{offer.key!r} can no longer be redeemed", coupon=offer.key)
    _check_customer(unit, subscription, offer, coupon, limits)
    store, customer_id = RedemptionStore(unit), subscription.customer_id
    redemption = Redemption(
        id=new_id("red"),
        subscription_id=subscription.id,
        coupon=coupon,
        redeemed_at=now,
        first_period=subscription.sequence,
    )
    store.add(redemption, offer.document, coupon_id=offer.id, customer_id=customer_id)
    unit.emit("coupon.redeemed", redemption.id, {"coupon": offer.key, "subscription": subscription.id}, now)
    return redemption


def redeemable(unit: Unit, subscription: Subscription, coupon_key: str, *, now: datetime) -> Coupon:
    """The coupon that `redeem` would put on a subscription now; a CouponRefusedError says why it would not. Takes nothing."""
    offer = CouponStore(unit).get(coupon_key)
    coupon, limits = parse_coupon(offer.document), parse_limits(offer.document)
    _check_fits(subscription, coupon)
    _check_open(offer, limits, now)
    used_up = limits.max_redemptions is not None and offer.redeemed >= limits.max_redemptions
    if used_up or offer.archived_at is not None:
        raise CouponRefusedError(f"{offer.key!r} can no longer be redeemed", coupon=offer.key)
    _check_customer(unit, subscription, offer, coupon, limits)
    return coupon


def _check_open(offer: CouponOffer, limits: Limits, now: datetime) -> None:
    if limits.redeem_by is not None and now >= limits.redeem_by:
        raise CouponRefusedError(f"{offer.key!r} could be redeemed before {limits.redeem_by:%Y-%m-%d %H:%M} UTC")


def _check_customer(unit: Unit, subscription: Subscription, offer: CouponOffer, coupon: Coupon, limits: Limits) -> None:
    store, customer_id = RedemptionStore(unit), subscription.customer_id
    if any(
        each.coupon.key == coupon.key and each.ended_at is None
        for each in store.of_subscriptions([subscription.id]).get(subscription.id, ())
    ):
        raise CouponRefusedError(f"{offer.key!r} is on this subscription already", coupon=offer.key)
    if limits.once_per_customer and store.has_redeemed(offer.id, customer_id):
        raise CouponRefusedError(f"{offer.key!r} can be redeemed once a customer", coupon=offer.key)
    if limits.first_time_only and len(SubscriptionStore(unit).page(limit=2, customer_id=customer_id).items) > 1:
        raise CouponRefusedError(f"{offer.key!r} is for a customer's first subscription", coupon=offer.key)


def _check_fits(subscription: Subscription, coupon: Coupon) -> None:
    if not subscription.is_running:
        raise CouponRefusedError("the subscription has ended", subscription=subscription.id)
    plans = {subscription.plan_key, *(addon.plan_key for addon in subscription.addons)}
    if coupon.scope.plans and not coupon.scope.plans & plans:
        raise CouponRefusedError(f"{coupon.key!r} is for {', '.join(sorted(coupon.scope.plans))}", coupon=coupon.key)
    if isinstance(coupon.worth, AmountOff) and coupon.worth.amount.currency != subscription.currency:
        raise CouponRefusedError(
            f"{coupon.key!r} is in {coupon.worth.amount.currency}, the subscription in {subscription.currency}",
            coupon=coupon.key,
        )
