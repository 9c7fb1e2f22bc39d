"""Endpoints are added, changed, given new secrets, tried out and removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.db.outbox import add_published
from billing.kernel.ids import new_id
from billing.webhooks.address import AddressRule, parse_target
from billing.webhooks.delivery import TEST_KIND, Delivery
from billing.webhooks.endpoint import (
    MOST_ENDPOINTS,
    DisabledFor,
    Endpoint,
    EndpointDisabledError,
    TooManyEndpointsError,
    checked_description,
    checked_events,
)
from billing.webhooks.enqueue import enqueue, requeue
from billing.webhooks.store import DeliveryStore, EndpointStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.session import Unit

DEFAULT_OVERLAP = timedelta(hours=24)


def add_endpoint(
    unit: Unit,
    *,
    url: str,
    events: Sequence[str],
    rule: AddressRule,
    now: datetime,
    description: str = "",
    is_enabled: bool = True,
) -> Endpoint:
    """A new endpoint. Raises AddressError, EndpointError or TooManyEndpointsError."""
    parse_target(url, rule)
    store = EndpointStore(unit)
    if store.count() >= MOST_ENDPOINTS:
        raise TooManyEndpointsError(f"a tenant has at most {MOST_ENDPOINTS} webhook endpoints", limit=MOST_ENDPOINTS)
    endpoint = Endpoint(
        id=new_id("whe"),
        url=url,
        description=checked_description(description),
        events=checked_events(tuple(events)),
        disabled_for=None if is_enabled else DisabledFor.REQUESTED,
        disabled_at=None if is_enabled else now,
        generation=1,
        previous_until=None,
        failing_since=None,
        last_position=0,
        lease=None,
        leased_until=None,
        created_at=now,
    )
    store.add(endpoint)
    return endpoint


def change_endpoint(
    unit: Unit,
    endpoint_id: str,
    *,
    rule: AddressRule,
    now: datetime,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    is_enabled: bool | None = None,
) -> Endpoint:
    """Change what is given. A new address is tried at once; what waits for an endpoint that is disabled is skipped."""
    store = EndpointStore(unit)
    endpoint = store.lock(endpoint_id)
    if events is not None:
        endpoint = replace(endpoint, events=checked_events(tuple(events)))
    if description is not None:
        endpoint = replace(endpoint, description=checked_description(description))
    if url is not None and url != endpoint.url:
        parse_target(url, rule)
        endpoint = replace(endpoint, url=url, failing_since=None)
        _try_at_once(DeliveryStore(unit), endpoint_id, now)
    if is_enabled is True and not endpoint.is_enabled:
        endpoint = endpoint.enabled()
    elif is_enabled is False and endpoint.is_enabled:
        endpoint = endpoint.disabled(DisabledFor.REQUESTED, now)
        DeliveryStore(unit).skip_waiting(endpoint_id, now)
    store.save(endpoint)
    return endpoint


def rotate_secret(unit: Unit, endpoint_id: str, *, now: datetime, overlap: timedelta = DEFAULT_OVERLAP) -> Endpoint:
    """A new secret; messages carry a signature by the old one too for the length of `overlap`."""
    store = EndpointStore(unit)
    endpoint = store.lock(endpoint_id).rotated(now, overlap)
    store.save(endpoint)
    return endpoint


def remove_endpoint(unit: Unit, endpoint_id: str) -> None:
    """Remove an endpoint with its deliveries."""
    store = EndpointStore(unit)
    store.remove(store.lock(endpoint_id).id)


def send_test(unit: Unit, endpoint_id: str, *, now: datetime) -> Delivery:
    """A message for this endpoint alone, whatever it listens to; it is sent in its turn like any other."""
    endpoint = EndpointStore(unit).lock(endpoint_id)
    if not endpoint.is_enabled:
        raise EndpointDisabledError("enable the endpoint first", endpoint=endpoint_id)
    fact = add_published(unit, TEST_KIND, {"endpoint": endpoint.id}, now)
    (delivery,) = enqueue(unit, endpoint, [fact], now=now)
    return delivery


def _try_at_once(store: DeliveryStore, endpoint_id: str, now: datetime) -> None:
    first = store.first_waiting(endpoint_id)
    if first is not None:
        store.save(requeue(first, position=first.position, now=now))
