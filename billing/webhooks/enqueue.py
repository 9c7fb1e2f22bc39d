"""Putting facts into the queue of an endpoint, behind what waits there. Whoever does has locked the endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.kernel.ids import new_id
from billing.webhooks.delivery import Delivery, DeliveryState
from billing.webhooks.store import DeliveryStore, EndpointStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.outbox import Fact
    from billing.db.session import Unit
    from billing.webhooks.endpoint import Endpoint


def enqueue(unit: Unit, endpoint: Endpoint, facts: Sequence[Fact], *, now: datetime) -> list[Delivery]:
    """A waiting delivery of each fact, in this order; the endpoint has none of them yet."""
    first = endpoint.last_position + 1
    made = [_delivery(endpoint.id, fact, position, now) for position, fact in enumerate(facts, first)]
    if made:
        DeliveryStore(unit).add_new(made)
        EndpointStore(unit).save(replace(endpoint, last_position=made[-1].position))
    return made


def requeue(delivery: Delivery, *, position: int, now: datetime) -> Delivery:
    """A delivery that is sent (again) at this place, as if it had never been tried; the message keeps its id."""
    return replace(
        delivery, position=position, state=DeliveryState.WAITING, attempts=0, next_attempt_at=now, settled_at=None
    )


def _delivery(endpoint_id: str, fact: Fact, position: int, now: datetime) -> Delivery:
    return Delivery(
        id=new_id("whd"),
        endpoint_id=endpoint_id,
        event_id=fact.id,
        kind=fact.kind,
        position=position,
        state=DeliveryState.WAITING,
        attempts=0,
        next_attempt_at=now,
        last_attempt_at=None,
        last_status=None,
        last_error=None,
        excerpt="",
        settled_at=None,
        created_at=now,
    )
