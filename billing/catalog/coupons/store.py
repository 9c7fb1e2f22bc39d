"""The queries over coupons. A redemption is counted by one conditional update, so that a limit holds however many try at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from billing.catalog.coupons.offer import CouponKeyTakenError, CouponNotFoundError, CouponOffer
from billing.catalog.coupons.tables import CouponRow
from billing.db.upsert import insert_new
from billing.kernel.page import Page, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


class CouponStore:
    """Reads and writes the coupons of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, offer: CouponOffer) -> None:
        """A new coupon; a key that is taken is a conflict."""
        values = {
            "id": offer.id,
            "key": offer.key,
            "document": dict(offer.document),
            "redeemed": 0,
            "created_at": offer.created_at,
        }
        if not insert_new(self._session, CouponRow, [values], [CouponRow.id]):
            raise CouponKeyTakenError(f"there is a coupon {offer.key!r} already; take another key", coupon=offer.key)

    def get(self, key: str) -> CouponOffer:
        """The coupon with this key or id; an error that names it otherwise."""
        row = self._session.scalar(
            select(CouponRow).where((CouponRow.key == key) | (CouponRow.id == key)).order_by(CouponRow.key != key)
        )
        if row is None:
            raise CouponNotFoundError(f"there is no coupon {key[:60]!r}", coupon=key[:200])
        return _offer(row)

    def page(self, *, limit: int, cursor: str | None = None) -> Page[CouponOffer]:
        """Coupons in order of key."""
        query = select(CouponRow).order_by(CouponRow.key).limit(limit + 1)
        if cursor is not None:
            query = query.where(CouponRow.key > decode_cursor(cursor))
        items = [_offer(row) for row in self._session.scalars(query)]
        more = len(items) > limit
        return Page(tuple(items[:limit]), encode_cursor(items[limit - 1].key) if more else None)

    def archive(self, key: str, at: datetime) -> CouponOffer:
        """Let nobody redeem it from now on; what was redeemed goes on."""
        found = self.get(key)
        self._session.execute(
            update(CouponRow).where(CouponRow.id == found.id, CouponRow.archived_at.is_(None)).values(archived_at=at)
        )
        self._session.expire_all()
        return self.get(key)

    def count_redemption(self, coupon_id: str, most: int | None) -> bool:
        """Take one of the redemptions that are left; False when none is, or the coupon is archived. Others wait until the unit ends."""
        query = update(CouponRow).where(CouponRow.id == coupon_id, CouponRow.archived_at.is_(None))
        if most is not None:
            query = query.where(CouponRow.redeemed < most)
        taken = self._session.execute(query.values(redeemed=CouponRow.redeemed + 1).returning(CouponRow.id))
        return taken.first() is not None


def _offer(row: CouponRow) -> CouponOffer:
    return CouponOffer(
        id=row.id,
        key=row.key,
        document=row.document,
        created_at=row.created_at,
        redeemed=row.redeemed,
        archived_at=row.archived_at,
    )
