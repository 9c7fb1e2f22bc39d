"""The queries over the history of subscriptions: steps that are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_, select

from billing.kernel.ids import new_id
from billing.subscriptions.subscription import StateChange, Status
from billing.subscriptions.tables import SubscriptionEventRow, SubscriptionRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


class HistoryStore:
    """Reads and adds steps of one tenant's subscriptions."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def record(self, change: StateChange) -> None:
        """Add a step to the history."""
        self._session.add(
            SubscriptionEventRow(
                id=new_id("sev"),
                subscription_id=change.subscription_id,
                customer_id=change.customer_id,
                kind=change.kind,
                plan_key=change.plan_key,
                plan_rank=change.plan_rank,
                mrr_minor=change.mrr_minor,
                at=change.at,
                received_at=change.received_at,
                reason=change.reason or None,
            )
        )
        self._session.flush()

    def history_before(self, moment: datetime, customer_id: str | None = None) -> Iterator[tuple[Any, ...]]:
        """(customer id, kind, plan key, plan rank, mrr minor, at, received at, id, reason) of steps before `moment`, oldest first."""
        event = SubscriptionEventRow
        query = (
            select(
                event.customer_id,
                event.kind,
                event.plan_key,
                event.plan_rank,
                event.mrr_minor,
                event.at,
                event.received_at,
                event.id,
                event.reason,
            )
            .where(event.at < moment)
            .order_by(event.at, event.id)
        )
        if customer_id is not None:
            query = query.where(event.customer_id == customer_id)
        for row in self._session.execute(query.execution_options(yield_per=10_000)):
            yield tuple(row)

    def reason_of_cancelling(self, subscription_id: str) -> str:
        """Why a subscription was cancelled last; empty where it was not."""
        event = SubscriptionEventRow
        query = select(event.reason).where(event.subscription_id == subscription_id, event.kind == "cancelled")
        return self._session.scalar(query.order_by(event.at.desc(), event.id.desc()).limit(1)) or ""

    def by_customer(self, before: datetime | None = None) -> Iterator[tuple[str, str, str, datetime, int]]:
        """(customer, currency, subscription, at, mrr minor) of every step, of one customer and currency after the other, oldest first."""
        event = SubscriptionEventRow
        query = (
            select(event.customer_id, SubscriptionRow.currency, event.subscription_id, event.at, event.mrr_minor)
            .join(SubscriptionRow, SubscriptionRow.id == event.subscription_id)
            .order_by(event.customer_id, SubscriptionRow.currency, event.at, event.id)
        )
        if before is not None:
            query = query.where(event.at < before)
        found = self._session.execute(query.execution_options(yield_per=10_000))
        yield from ((who, currency, which, at, minor) for who, currency, which, at, minor in found)

    def moves(self) -> Select[Any]:
        """A part of a query for other stores: what each step did, as 0 or 1.

        `customer_id`, `at`, `plan_key`, `started`, `ended`, `bought` (started, or changed to a larger monthly value), `lowered`.
        """
        event = SubscriptionEventRow
        before = func.lag(event.mrr_minor).over(
            partition_by=event.subscription_id, order_by=(event.at.asc(), event.id.asc())
        )
        steps = select(event.customer_id, event.at, event.plan_key, event.kind, event.mrr_minor, before.label("before"))
        step = steps.subquery()
        is_change = step.c.kind == "changed"
        return select(
            step.c.customer_id,
            step.c.at,
            step.c.plan_key,
            case((step.c.kind == "started", 1), else_=0).label("started"),
            case((step.c.kind == "ended", 1), else_=0).label("ended"),
            case((or_(step.c.kind == "started", and_(is_change, step.c.mrr_minor > step.c.before)), 1), else_=0).label(
                "bought"
            ),
            case((and_(is_change, step.c.mrr_minor < step.c.before), 1), else_=0).label("lowered"),
        )

    def last_of(self, customer_ids: Collection[str]) -> dict[str, int]:
        """What the last step left, by subscription, of the subscriptions of these customers."""
        event = SubscriptionEventRow
        query = select(event.subscription_id, event.mrr_minor).where(event.customer_id.in_(sorted(customer_ids)))
        found = self._session.execute(query.order_by(event.at, event.id))
        return {str(subscription): int(minor) for subscription, minor in found}

    def mrr(self) -> dict[str, int]:
        """Monthly recurring revenue by currency, in minor units: the last step of every running subscription."""
        totals: dict[str, int] = {}
        for (_, currency), (_, minor) in self.by_plan().items():
            totals[currency] = totals.get(currency, 0) + minor
        return totals

    def by_plan(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(how many, monthly recurring minor units) of running subscriptions, by plan key and currency."""
        steps = select(SubscriptionEventRow.subscription_id, SubscriptionEventRow.mrr_minor)
        ordered = self._session.execute(steps.order_by(SubscriptionEventRow.at, SubscriptionEventRow.id))
        last = {str(row[0]): int(row[1]) for row in ordered}
        totals: dict[tuple[str, str], tuple[int, int]] = {}
        running = select(SubscriptionRow.id, SubscriptionRow.plan_key, SubscriptionRow.currency).where(
            or_(SubscriptionRow.status == Status.ACTIVE.value, SubscriptionRow.status == Status.CANCELLING.value)
        )
        for subscription_id, plan, currency in self._session.execute(running):
            count, minor = totals.get((plan, currency), (0, 0))
            totals[plan, currency] = (count + 1, minor + last.get(subscription_id, 0))
        return totals
