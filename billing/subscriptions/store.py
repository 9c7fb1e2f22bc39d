"""The queries over subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.clock import format_instant, parse_instant
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.pricing.context import context_from
from billing.subscriptions.subscription import (
    AddonItem,
    Scheduled,
    ScheduledStep,
    Status,
    Subscription,
    SubscriptionNotFoundError,
    next_boundary,
)
from billing.subscriptions.tables import SubscriptionAddonRow, SubscriptionEventRow, SubscriptionRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

T = TypeVar("T")
_REVISIONS = select(SubscriptionRow.customer_id, SubscriptionRow.id, SubscriptionRow.revision).where(
    SubscriptionRow.customer_id.in_(bindparam("ids", expanding=True)), SubscriptionRow.status != Status.ENDED.value
)


class SubscriptionStore:
    """Reads and writes the subscriptions of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, subscription: Subscription) -> None:
        """A new subscription."""
        self.add_many([subscription])

    def add_many(self, subscriptions: Sequence[Subscription]) -> None:
        """New subscriptions."""
        rows = [
            {
                "id": each.id,
                "customer_id": each.customer_id,
                "currency": each.currency,
                "started_at": each.started_at,
                **changing(each),
            }
            for each in subscriptions
        ]
        self._session.execute(insert(SubscriptionRow), rows)
        for each in subscriptions:
            if each.addons:
                self._write_addons(each)

    def save(self, subscription: Subscription) -> None:
        """Replace what changes over a subscription's life."""
        row = self._session.scalars(select(SubscriptionRow).where(SubscriptionRow.id == subscription.id)).one()
        _write(row, subscription)
        self._session.execute(
            delete(SubscriptionAddonRow).where(SubscriptionAddonRow.subscription_id == subscription.id)
        )
        self._write_addons(subscription)

    def _write_addons(self, subscription: Subscription) -> None:
        self._session.add_all(
            SubscriptionAddonRow(
                subscription_id=subscription.id,
                plan_key=addon.plan_key,
                version_id=addon.version_id,
                started_at=addon.started_at,
                seats=addon.seats,
            )
            for addon in subscription.addons
        )
        self._session.flush()

    def get(self, subscription_id: str) -> Subscription:
        """One subscription, to read."""
        return self._one(subscription_id, for_change=False)

    def lock(self, subscription_id: str) -> Subscription:
        """One subscription, to change: others wait until this unit of work ends."""
        return self._one(subscription_id, for_change=True)

    def lock_many(self, ids: Sequence[str]) -> list[Subscription]:
        """These subscriptions, to change, in the order given; those that are not there are left out."""
        query = select(SubscriptionRow).where(SubscriptionRow.id.in_(sorted(ids))).order_by(SubscriptionRow.id)
        rows = {
            row.id: row
            for row in self._session.scalars(query.with_for_update().execution_options(populate_existing=True))
        }
        addons = self._addons(list(rows))
        return [_from_row(rows[each], addons.get(each, ())) for each in ids if each in rows]

    def save_many(self, before: Sequence[Subscription], after: Sequence[Subscription]) -> None:
        """Replace what changed of many; add-ons are only written where they moved."""
        if after:
            self._session.execute(
                update(SubscriptionRow).execution_options(synchronize_session=False),
                [{"tenant_id": self._session.scope.tenant_id, "id": each.id, **changing(each)} for each in after],
            )
            self._session.expire_all()
        for old, new in zip(before, after, strict=True):
            if old.addons != new.addons:
                self._session.execute(
                    delete(SubscriptionAddonRow).where(SubscriptionAddonRow.subscription_id == new.id)
                )
                self._write_addons(new)

    def _one(self, subscription_id: str, *, for_change: bool) -> Subscription:
        query = select(SubscriptionRow).where(SubscriptionRow.id == subscription_id)
        if for_change:
            query = query.with_for_update().execution_options(populate_existing=True)
        row = self._session.scalar(query)
        if row is None:
            raise SubscriptionNotFoundError(
                f"there is no subscription {subscription_id[:60]!r}", subscription=subscription_id[:200]
            )
        return _from_row(row, self._addons([row.id]).get(row.id, ()))

    def running_of(self, customer_ids: Iterable[str]) -> dict[str, Subscription]:
        """The running subscription of each customer that has one."""
        wanted = sorted(set(customer_ids))
        found: dict[str, Subscription] = {}
        for start in range(0, len(wanted), 500):
            query = select(SubscriptionRow).where(
                SubscriptionRow.customer_id.in_(wanted[start : start + 500]),
                SubscriptionRow.status != Status.ENDED.value,
            )
            rows = list(self._session.scalars(query))
            addons = self._addons([row.id for row in rows])
            found.update((row.customer_id, _from_row(row, addons.get(row.id, ()))) for row in rows)
        return found

    def active_on(self, plan_keys: Collection[str], *, after: str = "", limit: int) -> list[Subscription]:
        """Subscriptions that are paid for now, on one of these plans, in order of id from `after` on."""
        query = (
            select(SubscriptionRow)
            .where(SubscriptionRow.plan_key.in_(sorted(plan_keys)), SubscriptionRow.status == Status.ACTIVE.value)
            .where(SubscriptionRow.id > after)
            .order_by(SubscriptionRow.id)
            .limit(limit)
        )
        rows = list(self._session.scalars(query))
        addons = self._addons([row.id for row in rows])
        return [_from_row(row, addons.get(row.id, ())) for row in rows]

    def revisions_of(self, customer_ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """(id, revision) of the running subscription of each customer that has one."""
        rows = self._session.execute(_REVISIONS, {"ids": sorted(set(customer_ids))})
        return {row.customer_id: (row.id, row.revision) for row in rows}

    def had_trial(self, customer_id: str, plan_key: str) -> bool:
        """Whether a customer has begun a trial of a plan, under any of its versions; it counts for the plan it began on."""
        query = (
            select(SubscriptionEventRow.id)
            .join(SubscriptionRow, SubscriptionRow.id == SubscriptionEventRow.subscription_id)
            .where(SubscriptionRow.customer_id == customer_id, SubscriptionRow.trial_ends_at.is_not(None))
            .where(SubscriptionEventRow.kind == "started", SubscriptionEventRow.plan_key == plan_key)
        )
        return self._session.scalar(query.limit(1)) is not None

    def pinned_to(self, version_ids: Collection[str], *, after: str = "", limit: int) -> list[str]:
        """Ids of subscriptions that run, paused ones too, and pin one of these versions, as plan or add-on; by id from `after` on."""
        addons = select(SubscriptionAddonRow.subscription_id).where(
            SubscriptionAddonRow.version_id.in_(sorted(version_ids))
        )
        query = (
            select(SubscriptionRow.id)
            .where(SubscriptionRow.status != Status.ENDED.value, SubscriptionRow.id > after)
            .where(or_(SubscriptionRow.version_id.in_(sorted(version_ids)), SubscriptionRow.id.in_(addons)))
            .order_by(SubscriptionRow.id)
            .limit(limit)
        )
        return list(self._session.scalars(query))

    def claim(self, now: datetime, *, limit: int, skip: Collection[str] = ()) -> list[str]:
        """Ids of running subscriptions with something due by `now` that nobody else holds, oldest first; locked until the unit ends."""
        query = self._due(select(SubscriptionRow.id), now).limit(limit)
        if skip:
            query = query.where(SubscriptionRow.id.not_in(sorted(skip)))
        return list(self._session.scalars(query.with_for_update(skip_locked=True)))

    def due_first(self, until: datetime, *, limit: int) -> list[Subscription]:
        """Subscriptions with something due by `until`, soonest first, to read."""
        rows = list(self._session.scalars(self._due(select(SubscriptionRow), until).limit(limit)))
        addons = self._addons([row.id for row in rows])
        return [_from_row(row, addons.get(row.id, ())) for row in rows]

    def next_due(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which something of a subscription falls due."""
        first = select(func.min(SubscriptionRow.next_boundary_at))
        running = SubscriptionRow.status != Status.ENDED.value
        return self._session.scalar(first.where(running, SubscriptionRow.next_boundary_at > after))

    def count_due(self, now: datetime) -> int:
        """How many subscriptions have something due."""
        running = SubscriptionRow.status != Status.ENDED.value
        query = select(func.count()).select_from(SubscriptionRow)
        return self._session.scalar(query.where(running, SubscriptionRow.next_boundary_at <= now)) or 0

    @staticmethod
    def _due(query: Select[T], now: datetime) -> Select[T]:
        return query.where(
            SubscriptionRow.status != Status.ENDED.value, SubscriptionRow.next_boundary_at <= now
        ).order_by(SubscriptionRow.next_boundary_at, SubscriptionRow.id)

    def page(self, *, limit: int, cursor: str | None = None, customer_id: str | None = None) -> Page[Subscription]:
        """Subscriptions in order of id, of one customer or all."""
        query = select(SubscriptionRow).order_by(SubscriptionRow.id).limit(limit + 1)
        if cursor is not None:
            query = query.where(SubscriptionRow.id > decode_cursor(cursor))
        if customer_id is not None:
            query = query.where(SubscriptionRow.customer_id == customer_id)
        rows = list(self._session.scalars(query))
        addons = self._addons([row.id for row in rows])
        items = tuple(_from_row(row, addons.get(row.id, ())) for row in rows[:limit])
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)

    def _addons(self, ids: list[str]) -> dict[str, tuple[AddonItem, ...]]:
        query = select(SubscriptionAddonRow).where(SubscriptionAddonRow.subscription_id.in_(ids))
        found: dict[str, tuple[AddonItem, ...]] = {}
        for row in self._session.scalars(query.order_by(SubscriptionAddonRow.plan_key)):
            item = AddonItem(
                plan_key=row.plan_key, version_id=row.version_id, started_at=row.started_at, seats=row.seats
            )
            found[row.subscription_id] = (*found.get(row.subscription_id, ()), item)
        return found


def _write(row: SubscriptionRow, subscription: Subscription) -> None:
    for name, value in changing(subscription).items():
        setattr(row, name, value)


def changing(subscription: Subscription) -> dict[str, Any]:
    """The columns that change over a subscription's life."""
    cadence = subscription.cadence
    return {
        "plan_key": subscription.plan_key,
        "version_id": subscription.version_id,
        "anchor": cadence.anchor,
        "interval": cadence.interval.value,
        "interval_count": cadence.count,
        "zone": cadence.zone,
        "status": subscription.status.value,
        "trial_ends_at": subscription.trial_ends_at,
        "paused_at": subscription.paused_at,
        "ends_at": subscription.ends_at,
        "billed_periods": subscription.billed_periods,
        "usage_from": subscription.usage_from,
        "sequence": subscription.sequence,
        "phase_from": subscription.phase_from,
        "seats": subscription.seats,
        "scheduled": [_step_document(step) for step in subscription.scheduled],
        "facts": subscription.facts.to_document(),
        "revision": subscription.revision,
        "next_boundary_at": next_boundary(subscription),
    }


def _step_document(step: ScheduledStep) -> dict[str, Any]:
    return {
        "kind": step.kind.value,
        "at": format_instant(step.at),
        "target": step.target,
        "version_id": step.version_id,
        "seats": step.seats,
    }


def _step(document: dict[str, Any]) -> ScheduledStep:
    return ScheduledStep(
        kind=Scheduled(document["kind"]),
        at=parse_instant(document["at"]),
        target=document["target"],
        version_id=document["version_id"],
        seats=document["seats"],
    )


def _from_row(row: SubscriptionRow, addons: tuple[AddonItem, ...]) -> Subscription:
    return Subscription(
        id=row.id,
        customer_id=row.customer_id,
        plan_key=row.plan_key,
        version_id=row.version_id,
        currency=row.currency,
        cadence=Cadence(row.anchor, Interval(row.interval), row.interval_count, row.zone),
        status=Status(row.status),
        started_at=row.started_at,
        trial_ends_at=row.trial_ends_at,
        paused_at=row.paused_at,
        ends_at=row.ends_at,
        billed_periods=row.billed_periods,
        usage_from=row.usage_from,
        sequence=row.sequence,
        phase_from=row.phase_from,
        seats=row.seats,
        scheduled=tuple(_step(document) for document in row.scheduled),
        facts=context_from(row.facts),
        revision=row.revision,
        addons=addons,
    )
