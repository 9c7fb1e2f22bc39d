"""Sending again: one message, or what an endpoint missed since some instant. What is sent again goes to the end of the endpoint's queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from billing.db.outbox import Fact, published_facts
from billing.kernel.clock import format_instant
from billing.kernel.errors import InvalidError
from billing.webhooks.delivery import TEST_KIND, Delivery, DeliveryState
from billing.webhooks.endpoint import Endpoint, EndpointDisabledError
from billing.webhooks.enqueue import enqueue, requeue
from billing.webhooks.store import DeliveryStore, EndpointStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from billing.db.session import Unit

MOST_REPLAYED = 10_000
_BATCH = 500
_MISSED = frozenset({DeliveryState.FAILED, DeliveryState.SKIPPED})
_SETTLED = _MISSED | {DeliveryState.DELIVERED}


class ReplayError(InvalidError):
    """So much, or what is so old, cannot be sent again."""

    code = "invalid_webhook_replay"


def replay_one(unit: Unit, endpoint_id: str, delivery_id: str, *, now: datetime) -> Delivery:
    """Send one message (again), with the id it had. One that still waits is tried at once when its turn has come."""
    endpoint = _lock(unit, endpoint_id)
    store = DeliveryStore(unit)
    delivery = store.get(endpoint_id, delivery_id)
    if delivery.state is DeliveryState.WAITING:
        again = requeue(delivery, position=delivery.position, now=now)
    else:
        again = requeue(delivery, position=endpoint.last_position + 1, now=now)
        EndpointStore(unit).save(replace(endpoint, last_position=again.position))
    store.save(again)
    return again


def replay_since(
    unit: Unit,
    endpoint_id: str,
    *,
    since: datetime,
    now: datetime,
    kept: timedelta,
    until: datetime | None = None,
    everything: bool = False,
) -> int:
    """Send what the endpoint listens to and missed of the facts that were passed on from `since` to `until`.

    Missed is what failed, was skipped, or came while the endpoint was disabled; `everything` adds what was delivered. `kept` is how far
    back it is known what was delivered. The answer is how many were queued. Raises ReplayError.
    """
    endpoint = _lock(unit, endpoint_id)
    if since < now - kept:
        raise ReplayError(
            f"deliveries are kept for {kept.days} days; replay from a later instant",
            earliest=format_instant(now - kept),
        )
    queued = 0
    for facts in _batches(unit, endpoint, since, until):
        endpoint, count = _queue(unit, endpoint, facts, _SETTLED if everything else _MISSED, now)
        queued += count
        if queued > MOST_REPLAYED:
            raise ReplayError(
                f"at most {MOST_REPLAYED} messages are sent again at once; give an earlier `until`", limit=MOST_REPLAYED
            )
    return queued


def _lock(unit: Unit, endpoint_id: str) -> Endpoint:
    endpoint = EndpointStore(unit).lock(endpoint_id)
    if not endpoint.is_enabled:
        raise EndpointDisabledError("enable the endpoint first", endpoint=endpoint_id)
    return endpoint


def _batches(unit: Unit, endpoint: Endpoint, since: datetime, until: datetime | None) -> Iterator[list[Fact]]:
    after = ""
    while True:
        found = published_facts(unit, since=since, until=until, after=after, limit=_BATCH)
        yield [fact for fact in found if endpoint.hears(fact.kind) and fact.kind != TEST_KIND]
        if len(found) < _BATCH:
            return
        after = found[-1].id


def _queue(
    unit: Unit, endpoint: Endpoint, facts: list[Fact], again: frozenset[DeliveryState], now: datetime
) -> tuple[Endpoint, int]:
    """Queue those facts, in their order, whose delivery is missing or in one of these states."""
    store = DeliveryStore(unit)
    known = store.of_facts(endpoint.id, [fact.id for fact in facts])
    count = 0
    for fact in facts:
        delivery = known.get(fact.id)
        if delivery is not None and delivery.state not in again:
            continue
        if delivery is None:
            enqueue(unit, endpoint, [fact], now=now)
        else:
            store.save(requeue(delivery, position=endpoint.last_position + 1, now=now))
        endpoint = replace(endpoint, last_position=endpoint.last_position + 1)
        count += 1
    EndpointStore(unit).save(endpoint)
    return endpoint, count
