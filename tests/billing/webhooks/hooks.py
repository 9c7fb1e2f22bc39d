"""Short words for the tests of queues: endpoints, facts, and an answer to every message without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

from billing.webhooks.address import AddressRule
from billing.webhooks.deliver import claim, settle
from billing.webhooks.post import Reply
from billing.webhooks.register import add_endpoint
from billing.webhooks.relay import relay
from billing.webhooks.store import DeliveryStore, EndpointStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.webhooks.delivery import Delivery
    from billing.webhooks.endpoint import Endpoint
    from tests.shop import Shop

NOW = datetime(2026, 2, 1, 9, tzinfo=UTC)
RULE = AddressRule(allow_http=True)
OK, BROKEN, GONE = Reply(status=200), Reply(status=500, error="refused"), Reply(status=410, error="refused")


def listen(shop: Shop, *events: str, **options: Any) -> Endpoint:
    """An endpoint that hears these, or everything."""
    with shop.database.unit(shop.scope) as unit:
        url = options.pop("url", "https://shop.example/hooks")
        return add_endpoint(unit, url=url, events=events or ("*",), rule=RULE, now=NOW, **options)


def tell(shop: Shop, *keys: str, kind: str = "order.made") -> None:
    """Facts by key, in this order."""
    with shop.database.unit(shop.scope) as unit:
        for key in keys:
            unit.emit(kind, key, {"key": key}, NOW)


def pass_on(shop: Shop, now: datetime = NOW) -> int:
    """Queue what waits."""
    with shop.database.unit(shop.scope) as unit:
        return relay(unit, now=now)


def answer(shop: Shop, endpoint_id: str, reply: Reply, now: datetime = NOW) -> tuple[str, str] | None:
    """Send what is next and answer it so; which key it was and its id, or None when nothing was due."""
    with shop.database.unit(shop.scope) as unit:
        claimed = claim(unit, endpoint_id, now=now)
    if claimed is None:
        return None
    with shop.database.unit(shop.scope) as unit:
        settle(unit, claimed, reply, now=now, rng=Random(1))
    return str(claimed.fact.payload.get("key", claimed.fact.kind)), claimed.fact.id


def drain(shop: Shop, endpoint_id: str, now: datetime = NOW) -> list[str]:
    """Take all that is due; which keys came, in order."""
    found = []
    while (sent := answer(shop, endpoint_id, OK, now)) is not None:
        found.append(sent[0])
    return found


def endpoint_of(shop: Shop, endpoint_id: str) -> Endpoint:
    """An endpoint as it is now."""
    with shop.database.view(shop.scope) as unit:
        return EndpointStore(unit).get(endpoint_id)


def deliveries_of(shop: Shop, endpoint_id: str) -> Sequence[Delivery]:
    """An endpoint's deliveries, oldest first."""
    with shop.database.view(shop.scope) as unit:
        return DeliveryStore(unit).page(endpoint_id, limit=500).items[::-1]


def states_of(shop: Shop, endpoint_id: str) -> list[str]:
    """What became of them."""
    return [each.state.value for each in deliveries_of(shop, endpoint_id)]
