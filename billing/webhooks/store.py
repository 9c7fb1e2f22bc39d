"""The queries over endpoints and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import aliased

from billing.db.upsert import insert_new
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.webhooks.delivery import Delivery, DeliveryNotFoundError, DeliveryState
from billing.webhooks.endpoint import DisabledFor, Endpoint, EndpointNotFoundError
from billing.webhooks.tables import DeliveryRow, EndpointRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from billing.db.session import Unit

_WAITING = DeliveryState.WAITING.value


class EndpointStore:
    """Reads and writes endpoints."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, endpoint: Endpoint) -> None:
        """A new endpoint."""
        self._session.add(EndpointRow(id=endpoint.id, created_at=endpoint.created_at, **_changes(endpoint)))
        self._session.flush()

    def save(self, endpoint: Endpoint) -> None:
        """What became of an endpoint that this unit has locked."""
        change = update(EndpointRow).where(EndpointRow.id == endpoint.id).values(**_changes(endpoint))
        self._session.execute(change.execution_options(synchronize_session=False))
        self._session.expire_all()

    def remove(self, endpoint_id: str) -> None:
        """The endpoint and all that was, or was to be, delivered to it."""
        silent = {"synchronize_session": False}
        self._session.execute(
            delete(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint_id), execution_options=silent
        )
        self._session.execute(delete(EndpointRow).where(EndpointRow.id == endpoint_id), execution_options=silent)
        self._session.expire_all()

    def get(self, endpoint_id: str) -> Endpoint:
        """An endpoint. Raises EndpointNotFoundError."""
        row = self._session.scalar(select(EndpointRow).where(EndpointRow.id == endpoint_id))
        if row is None:
            raise EndpointNotFoundError("there is no such webhook endpoint", endpoint=endpoint_id[:60])
        return _endpoint(row)

    def lock(self, endpoint_id: str) -> Endpoint:
        """The same, to change it or what waits for it: others who lock it wait until this unit of work ends."""
        query = select(EndpointRow).where(EndpointRow.id == endpoint_id).with_for_update(key_share=True)
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise EndpointNotFoundError("there is no such webhook endpoint", endpoint=endpoint_id[:60])
        return _endpoint(row)

    def lock_if_free(self, endpoint_id: str) -> Endpoint | None:
        """The same, or None when it is gone or somebody else has it locked."""
        query = select(EndpointRow).where(EndpointRow.id == endpoint_id)
        query = query.with_for_update(key_share=True, skip_locked=True)
        row = self._session.scalar(query.execution_options(populate_existing=True))
        return None if row is None else _endpoint(row)

    def lock_enabled(self) -> list[Endpoint]:
        """All that are told of things, locked in an order that cannot make two wait for each other."""
        query = select(EndpointRow).where(EndpointRow.disabled_for.is_(None)).order_by(EndpointRow.id)
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
        return [_endpoint(row) for row in self._session.scalars(query)]

    def all(self) -> list[Endpoint]:
        """Every endpoint, oldest first."""
        return [_endpoint(row) for row in self._session.scalars(select(EndpointRow).order_by(EndpointRow.id))]

    def count(self) -> int:
        """How many there are."""
        return self._session.scalar(select(func.count()).select_from(EndpointRow)) or 0

    def due(self, now: datetime) -> list[str]:
        """The enabled endpoints that nobody is sending to and whose first waiting delivery is due."""
        other = aliased(DeliveryRow)
        first = (
            select(func.min(other.position))
            .where(other.endpoint_id == DeliveryRow.endpoint_id, other.state == _WAITING)
            .correlate(DeliveryRow)
            .scalar_subquery()
        )
        query = (
            select(EndpointRow.id)
            .join(DeliveryRow, DeliveryRow.endpoint_id == EndpointRow.id)
            .where(
                EndpointRow.disabled_for.is_(None),
                (EndpointRow.leased_until.is_(None)) | (EndpointRow.leased_until <= now),
                DeliveryRow.state == _WAITING,
                DeliveryRow.next_attempt_at <= now,
                DeliveryRow.position == first,
            )
            .order_by(EndpointRow.id)
        )
        return list(self._session.scalars(query))


class DeliveryStore:
    """Reads and writes deliveries. Whoever changes what waits for an endpoint has locked that endpoint."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add_new(self, deliveries: Sequence[Delivery]) -> set[str]:
        """Add those whose endpoint does not have the fact yet; the answer is the ids of those added."""
        values = [{"id": each.id, "created_at": each.created_at, **_fixed(each), **_state(each)} for each in deliveries]
        return {found for (found,) in insert_new(self._session, DeliveryRow, values, [DeliveryRow.id])}

    def save(self, delivery: Delivery) -> None:
        """Its new state."""
        change = update(DeliveryRow).where(DeliveryRow.id == delivery.id).values(**_state(delivery))
        self._session.execute(change.execution_options(synchronize_session=False))
        self._session.expire_all()

    def get(self, endpoint_id: str, delivery_id: str) -> Delivery:
        """A delivery of an endpoint. Raises DeliveryNotFoundError."""
        query = select(DeliveryRow).where(DeliveryRow.id == delivery_id, DeliveryRow.endpoint_id == endpoint_id)
        row = self._session.scalar(query)
        if row is None:
            raise DeliveryNotFoundError("the endpoint has no such delivery", delivery=delivery_id[:60])
        return _delivery(row)

    def first_waiting(self, endpoint_id: str) -> Delivery | None:
        """The delivery whose turn it is."""
        query = select(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.state == _WAITING)
        row = self._session.scalar(query.order_by(DeliveryRow.position).limit(1))
        return None if row is None else _delivery(row)

    def of_facts(self, endpoint_id: str, fact_ids: Collection[str]) -> dict[str, Delivery]:
        """An endpoint's deliveries of these facts, by fact."""
        query = select(DeliveryRow).where(
            DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.event_id.in_(sorted(fact_ids))
        )
        return {row.event_id: _delivery(row) for row in self._session.scalars(query)}

    def skip_waiting(self, endpoint_id: str, now: datetime) -> None:
        """What waits for an endpoint that is disabled is not sent."""
        change = update(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.state == _WAITING)
        change = change.values(state=DeliveryState.SKIPPED.value, next_attempt_at=None, settled_at=now)
        self._session.execute(change.execution_options(synchronize_session=False))
        self._session.expire_all()

    def forget_settled(self, before: datetime) -> int:
        """Remove what was settled before a moment; the answer is how many."""
        old = delete(DeliveryRow).where(DeliveryRow.settled_at < before)
        found: Any = self._session.execute(old, execution_options={"synchronize_session": False})
        return int(found.rowcount)

    def page(
        self, endpoint_id: str, *, limit: int, cursor: str | None = None, state: DeliveryState | None = None
    ) -> Page[Delivery]:
        """An endpoint's deliveries, newest first."""
        query = select(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint_id)
        if cursor is not None:
            query = query.where(DeliveryRow.id < decode_cursor(cursor))
        if state is not None:
            query = query.where(DeliveryRow.state == state.value)
        rows = self._session.scalars(query.order_by(DeliveryRow.id.desc()).limit(limit + 1))
        items = [_delivery(row) for row in rows]
        more = len(items) > limit
        return Page(tuple(items[:limit]), encode_cursor(items[limit - 1].id) if more else None)


def _changes(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "disabled_for": None if endpoint.disabled_for is None else endpoint.disabled_for.value,
        "disabled_at": endpoint.disabled_at,
        "generation": endpoint.generation,
        "previous_until": endpoint.previous_until,
        "failing_since": endpoint.failing_since,
        "last_position": endpoint.last_position,
        "lease": endpoint.lease,
        "leased_until": endpoint.leased_until,
    }


def _endpoint(row: EndpointRow) -> Endpoint:
    return Endpoint(
        id=row.id,
        url=row.url,
        description=row.description,
        events=tuple(row.events),
        disabled_for=None if row.disabled_for is None else DisabledFor(row.disabled_for),
        disabled_at=row.disabled_at,
        generation=row.generation,
        previous_until=row.previous_until,
        failing_since=row.failing_since,
        last_position=row.last_position,
        lease=row.lease,
        leased_until=row.leased_until,
        created_at=row.created_at,
    )


def _fixed(delivery: Delivery) -> dict[str, Any]:
    return {"endpoint_id": delivery.endpoint_id, "event_id": delivery.event_id, "kind": delivery.kind}


def _state(delivery: Delivery) -> dict[str, Any]:
    return {
        "position": delivery.position,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "last_attempt_at": delivery.last_attempt_at,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "excerpt": delivery.excerpt,
        "settled_at": delivery.settled_at,
    }


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        kind=row.kind,
        position=row.position,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_attempt_at=row.last_attempt_at,
        last_status=row.last_status,
        last_error=row.last_error,
        excerpt=row.excerpt,
        settled_at=row.settled_at,
        created_at=row.created_at,
    )
