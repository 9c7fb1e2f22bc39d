"""Coupons: offering them, and putting them on subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.catalog.coupons.offer import CouponOffer
from billing.catalog.coupons.store import CouponStore
from billing.kernel.ids import new_id
from billing.kernel.page import page_size
from billing.pricing.coupon_document import parse_coupon, parse_limits
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.coupons.store import RedemptionStore
from billing.subscriptions.store import SubscriptionStore
from serving.api import documents
from serving.api.context import SecretContext

if TYPE_CHECKING:
    from billing.db.session import Unit
    from billing.subscriptions.coupons.redemption import Redemption

router = APIRouter(prefix="/v1", tags=["coupons"])


class Redeeming(BaseModel):
    """The coupon to redeem, by its key."""

    coupon: str = Field(min_length=1, max_length=200)


@router.post("/coupons", status_code=201)
def create_coupon(body: dict[str, Any], context: SecretContext) -> JSONResponse:
    """Offer a coupon; it never changes afterwards."""
    coupon = parse_coupon(body)
    parse_limits(body)

    def work(unit: Unit) -> dict[str, Any]:
        offer = CouponOffer(id=new_id("cpn"), key=coupon.key, document=body, created_at=context.now)
        CouponStore(unit).add(offer)
        return _offer(offer)

    return context.write(work, body=body, status=201)


@router.get("/coupons")
def list_coupons(context: SecretContext, limit: int | None = None, cursor: str | None = None) -> dict[str, Any]:
    """Coupons in order of key, archived ones too."""
    with context.view() as unit:
        found = CouponStore(unit).page(limit=page_size(limit), cursor=cursor)
    return documents.page([_offer(item) for item in found.items], found.next_cursor)


@router.get("/coupons/{key}")
def show_coupon(key: str, context: SecretContext) -> dict[str, Any]:
    """One coupon by key or id."""
    with context.view() as unit:
        return _offer(CouponStore(unit).get(key))


@router.post("/coupons/{key}/archive")
def archive_coupon(key: str, context: SecretContext) -> JSONResponse:
    """Let nobody redeem it from now on."""
    return context.write(lambda unit: _offer(CouponStore(unit).archive(key, context.now)))


@router.post("/subscriptions/{subscription_id}/coupons", status_code=201)
def redeem_coupon(subscription_id: str, body: Redeeming, context: SecretContext) -> JSONResponse:
    """Put a coupon on a subscription, from its next billed period on."""

    def work(unit: Unit) -> dict[str, Any]:
        return _redemption(redeem(unit, subscription_id, body.coupon, now=context.now))

    return context.write(work, body=body, status=201)


@router.get("/subscriptions/{subscription_id}/coupons")
def list_redemptions(subscription_id: str, context: SecretContext) -> dict[str, Any]:
    """The coupons on a subscription, oldest first."""
    with context.view() as unit:
        SubscriptionStore(unit).get(subscription_id)
        found = RedemptionStore(unit).of_subscriptions([subscription_id]).get(subscription_id, ())
    return documents.page([_redemption(item) for item in found], None)


@router.delete("/subscriptions/{subscription_id}/coupons/{redemption_id}")
def end_redemption(subscription_id: str, redemption_id: str, context: SecretContext) -> JSONResponse:
    """Take a coupon off, from the next period on."""

    def work(unit: Unit) -> dict[str, Any]:
        SubscriptionStore(unit).lock(subscription_id)
        return _redemption(RedemptionStore(unit).end(subscription_id, redemption_id, context.now))

    return context.write(work)


def _offer(value: CouponOffer) -> dict[str, Any]:
    return {
        **value.document,
        "id": value.id,
        "redeemed": value.redeemed,
        "created_at": documents.instant(value.created_at),
        "archived_at": documents.instant(value.archived_at),
    }


def _redemption(value: Redemption) -> dict[str, Any]:
    return {
        "id": value.id,
        "subscription": value.subscription_id,
        "coupon": value.coupon.key,
        "worth": value.coupon.worth.words,
        "redeemed_at": documents.instant(value.redeemed_at),
        "first_period": value.first_period,
        "ended_at": documents.instant(value.ended_at),
    }
