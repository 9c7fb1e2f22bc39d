"""Short words for the tests of sending: endpoints and facts of a shop, and what a real server was told."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from billing.webhooks.address import AddressRule
from billing.webhooks.register import add_endpoint
from billing.webhooks.signature import endpoint_secret
from billing.webhooks.store import DeliveryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from standardwebhooks import Webhook

    from billing.webhooks.delivery import Delivery
    from billing.webhooks.endpoint import Endpoint
    from serving.wiring import Services
    from tests.billing.webhooks.receiver import Received, Receiver
    from tests.shop import Shop

LOCAL = AddressRule(allow_http=True, allow_private=True)
START = datetime.now(UTC).replace(microsecond=0)


def listen(shop: Shop, url: str, *events: str) -> Endpoint:
    """An endpoint of a shop."""
    with shop.database.unit(shop.scope) as unit:
        return add_endpoint(unit, url=url, events=events or ("*",), rule=LOCAL, now=START)


def tell(shop: Shop, *keys: str, kind: str = "order.made") -> None:
    """Facts by key, in this order."""
    with shop.database.unit(shop.scope) as unit:
        for key in keys:
            unit.emit(kind, key, {"key": key}, START)


def verified(verifier: Webhook, request: Received) -> Any:
    """A message whose signature the library itself makes too, at the time that the message names, however long ago a test began."""
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    expected = verifier.sign(request.headers["webhook-id"], at, request.body.decode())
    assert any(hmac.compare_digest(expected, each) for each in request.headers["webhook-signature"].split(" "))
    return json.loads(request.body)


def keys_of(receiver: Receiver, path: str = "/ok") -> list[str]:
    """The keys that came on a path, in order."""
    return [each.document["data"]["key"] for each in receiver.on(path)]


def deliveries_of(shop: Shop, endpoint: Endpoint) -> Sequence[Delivery]:
    """An endpoint's deliveries, oldest first."""
    with shop.database.view(shop.scope) as unit:
        return DeliveryStore(unit).page(endpoint.id, limit=500).items[::-1]


def secret_of(services: Services, shop: Shop, endpoint: Endpoint, generation: int = 1) -> str:
    """What an endpoint's messages are signed with."""
    return endpoint_secret(services.secret, shop.scope.tenant_id, endpoint.id, generation)
