"""The queries over feedback, and over who was asked for it when: a customer's turn to be asked is taken once, by one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, cast, delete, func, select, update

from billing.db.upsert import insert_new
from billing.kernel.page import Page, decode_cursor, encode_cursor
from features.feedback.feedback import ASK_EVERY, Feedback, Mean
from features.feedback.tables import FeedbackAskRow, FeedbackRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_PLAIN = {"synchronize_session": False}
_SHARE = cast(FeedbackRow.rating - FeedbackRow.low, Float) / cast(FeedbackRow.high - FeedbackRow.low, Float)


class FeedbackStore:
    """Reads and writes the feedback of one tenant's customers."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, feedback: Feedback) -> None:
        """New feedback."""
        self._session.add(
            FeedbackRow(
                id=feedback.id,
                customer_id=feedback.customer_id,
                member=feedback.member,
                about_kind=feedback.about_kind,
                about=feedback.about,
                rating=feedback.rating,
                low=feedback.low,
                high=feedback.high,
                reason=feedback.reason,
                at=feedback.at,
            )
        )
        self._session.flush()

    def page(
        self,
        *,
        limit: int,
        cursor: str | None = None,
        customer_id: str | None = None,
        about_kind: str | None = None,
        about: str | None = None,
    ) -> Page[Feedback]:
        """Feedback, newest first."""
        query = _about(select(FeedbackRow), about_kind, about).order_by(FeedbackRow.id.desc()).limit(limit + 1)
        if customer_id is not None:
            query = query.where(FeedbackRow.customer_id == customer_id)
        if cursor is not None:
            query = query.where(FeedbackRow.id < decode_cursor(cursor))
        items = [_from_row(row) for row in self._session.scalars(query)]
        more = len(items) > limit
        return Page(tuple(items[:limit]), encode_cursor(items[limit - 1].id) if more else None)

    def count_since(self, customer_id: str, since: datetime) -> int:
        """How often a customer said something at `since` or later."""
        query = select(func.count()).select_from(FeedbackRow)
        return self._session.scalar(query.where(FeedbackRow.customer_id == customer_id, FeedbackRow.at >= since)) or 0

    def means(self, since: datetime | None = None, until: datetime | None = None, *, limit: int = 500) -> list[Mean]:
        """How each thing was rated from `since` to `until` (excluded), those with most ratings first."""
        row, count = FeedbackRow, func.count()
        query = select(row.about_kind, row.about, count, func.avg(_SHARE)).group_by(row.about_kind, row.about)
        if since is not None:
            query = query.where(row.at >= since)
        if until is not None:
            query = query.where(row.at < until)
        query = query.order_by(count.desc(), row.about_kind, row.about).limit(limit)
        return [
            Mean(about_kind=kind, about=about, count=int(number), mean=float(mean))
            for kind, about, number, mean in self._session.execute(query)
        ]

    def ratings(self) -> Select[str, datetime, int]:
        """A part of a query for other stores: `customer_id`, `at` and the rating in millionths of its scale, which are whole numbers."""
        row = FeedbackRow
        millionths = (row.rating - row.low) * 1_000_000 // (row.high - row.low)
        return select(row.customer_id, row.at, millionths.label("millionths"))

    def forget(self, customer_id: str) -> int:
        """Remove what a customer said; how many times they did."""
        mine = FeedbackRow.customer_id == customer_id
        count = self._session.scalar(select(func.count()).select_from(FeedbackRow).where(mine)) or 0
        self._session.execute(delete(FeedbackRow).where(mine).execution_options(**_PLAIN))
        return count


class AskStore:
    """Reads and writes when customers were asked."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def asked_at(self, customer_id: str) -> datetime | None:
        """When a customer was last asked."""
        query = select(FeedbackAskRow.asked_at).where(FeedbackAskRow.customer_id == customer_id)
        return self._session.scalar(query)

    def take_turn(self, customer_id: str, now: datetime) -> bool:
        """Whether a customer may be asked now; then they were, and nobody else may ask them for thirty days."""
        row = {"customer_id": customer_id, "asked_at": now, "times": 1}
        if insert_new(self._session, FeedbackAskRow, [row], (FeedbackAskRow.customer_id,)):
            return True
        done = self._session.execute(
            update(FeedbackAskRow)
            .where(FeedbackAskRow.customer_id == customer_id, FeedbackAskRow.asked_at <= now - ASK_EVERY)
            .values(asked_at=now, times=FeedbackAskRow.times + 1)
            .returning(FeedbackAskRow.customer_id)
            .execution_options(**_PLAIN)
        )
        self._session.expire_all()
        return bool(done.all())

    def forget(self, customer_id: str) -> int:
        """Remove when a customer was asked; whether they were, as 0 or 1."""
        count = int(self.asked_at(customer_id) is not None)
        mine = delete(FeedbackAskRow).where(FeedbackAskRow.customer_id == customer_id)
        self._session.execute(mine.execution_options(**_PLAIN))
        return count


def _about(query: Select[Any], about_kind: str | None, about: str | None) -> Select[Any]:
    if about_kind is not None:
        query = query.where(FeedbackRow.about_kind == about_kind)
    return query if about is None else query.where(FeedbackRow.about == about)


def _from_row(row: FeedbackRow) -> Feedback:
    return Feedback(
        id=row.id,
        customer_id=row.customer_id,
        member=row.member,
        about_kind=row.about_kind,
        about=row.about,
        rating=row.rating,
        high=row.high,
        reason=row.reason,
        at=row.at,
    )
