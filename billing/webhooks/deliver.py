"""One delivery, in two transactions with the request between them: claim the endpoint for a while, then write down what came of it.

A claim is a lease on the endpoint, so two workers never send to one at once, and its first waiting delivery is the only one that can be
sent: a delivery that fails holds back the later ones of its endpoint, until it succeeds or is given up. Who is killed in between leaves a
lease that ends by itself; the message is then sent again, under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.db.outbox import Fact, fact_by_id
from billing.kernel.clock import format_instant
from billing.kernel.ids import new_id
from billing.webhooks.delivery import DISABLED_KIND, Delivery, DeliveryState
from billing.webhooks.endpoint import DisabledFor, Endpoint, EndpointNotFoundError
from billing.webhooks.schedule import MOST_ATTEMPTS, Verdict, judge
from billing.webhooks.signature import endpoint_secret, message_body, message_headers
from billing.webhooks.store import DeliveryStore, EndpointStore

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from billing.db.session import Unit
    from billing.webhooks.post import Reply

LEASE = timedelta(seconds=60)
"""Four times as long as a request may take: what is written down later than that is written by nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A delivery that its holder alone may send, until the lease ends."""

    endpoint: Endpoint
    delivery: Delivery
    fact: Fact
    lease: str


def claim(unit: Unit, endpoint_id: str, *, now: datetime) -> Claim | None:
    """The endpoint's next delivery, counted as begun; None when nothing is due, or somebody else is at it."""
    endpoint = EndpointStore(unit).lock_if_free(endpoint_id)
    if endpoint is None or not endpoint.is_enabled or endpoint.is_leased(now):
        return None
    delivery = _next(unit, endpoint_id, now)
    fact = None if delivery is None else fact_by_id(unit, delivery.event_id)
    if delivery is None or fact is None:
        return None
    lease = new_id("lse")
    begun = replace(delivery, attempts=delivery.attempts + 1, last_attempt_at=now)
    DeliveryStore(unit).save(begun)
    EndpointStore(unit).save(replace(endpoint, lease=lease, leased_until=now + LEASE))
    return Claim(endpoint=endpoint, delivery=begun, fact=fact, lease=lease)


def compose(
    claimed: Claim, installation_secret: bytes, *, tenant_id: str, now: datetime
) -> tuple[dict[str, str], bytes]:
    """The headers and the body to send at `now`."""
    endpoint, body = claimed.endpoint, message_body(claimed.fact)
    secrets = [
        endpoint_secret(installation_secret, tenant_id, endpoint.id, generation)
        for generation in endpoint.generations(now)
    ]
    return message_headers(claimed.fact.id, body, secrets, now), body


def settle(unit: Unit, claimed: Claim, reply: Reply, *, now: datetime, rng: Random) -> Delivery | None:
    """Write down how the endpoint answered; None when the lease was lost, or the endpoint is gone, and nothing is written."""
    store = EndpointStore(unit)
    try:
        endpoint = store.lock(claimed.endpoint.id)
    except EndpointNotFoundError:
        return None
    if endpoint.lease != claimed.lease:
        return None
    free = replace(endpoint, lease=None, leased_until=None)
    delivery = DeliveryStore(unit).get(endpoint.id, claimed.delivery.id)
    if endpoint.url != claimed.endpoint.url and not reply.is_success:
        store.save(free)
        return delivery  # how the old address failed says nothing of the new one
    verdict = judge(reply, attempts=max(1, delivery.attempts), failing_since=endpoint.failing_since, now=now, rng=rng)
    settled = _answered(delivery, reply, verdict, now)
    DeliveryStore(unit).save(settled)
    endpoint = replace(free, failing_since=verdict.failing_since)
    if verdict.disable_for is not None and endpoint.is_enabled:
        endpoint = _give_up(unit, endpoint, verdict.disable_for, now)
    store.save(endpoint)
    return settled


def _next(unit: Unit, endpoint_id: str, now: datetime) -> Delivery | None:
    """The first waiting delivery, if it is due; one that was begun too often without an answer is given up on the way."""
    store = DeliveryStore(unit)
    while True:
        delivery = store.first_waiting(endpoint_id)
        if delivery is None or delivery.next_attempt_at is None or delivery.next_attempt_at > now:
            return None
        if delivery.attempts < MOST_ATTEMPTS:
            return delivery
        store.save(
            replace(
                delivery,
                state=DeliveryState.FAILED,
                next_attempt_at=None,
                settled_at=now,
                last_error="never_answered",
            )
        )


def _answered(delivery: Delivery, reply: Reply, verdict: Verdict, now: datetime) -> Delivery:
    told = replace(delivery, last_status=reply.status, last_error=reply.error, excerpt=reply.excerpt)
    if delivery.state is not DeliveryState.WAITING and not reply.is_success:
        return told  # it was skipped meanwhile
    is_waiting = verdict.state is DeliveryState.WAITING
    return replace(
        told,
        state=verdict.state,
        next_attempt_at=verdict.next_attempt_at,
        settled_at=None if is_waiting else now,
    )


def _give_up(unit: Unit, endpoint: Endpoint, why: DisabledFor, now: datetime) -> Endpoint:
    """Disable, skip what waits, and tell whoever else listens."""
    DeliveryStore(unit).skip_waiting(endpoint.id, now)
    told = {"endpoint": endpoint.id, "description": endpoint.description, "reason": why.value}
    unit.emit(DISABLED_KIND, f"{endpoint.id}:{format_instant(now)}", told, now)
    return endpoint.disabled(why, now)
