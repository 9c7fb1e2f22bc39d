"""The API's server, and the words of the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from serving.tokens import sign, signing_secret
from tests.serving.api.conftest import server, subscribed

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

__all__ = ["ofrep", "server", "subscribed"]

ALL = "/ofrep/v1/evaluate/flags"
PAGE = "https://shop.example"


@dataclass(frozen=True, slots=True)
class Ofrep:
    """The protocol's questions to the first tenant of a server."""

    server: Server

    def one(self, key: str, customer: str | None = "ann", **more: Any) -> Any:
        """The response about one flag."""
        return self._ask(f"{ALL}/{key}", customer, more)

    def all(self, customer: str | None = "ann", **more: Any) -> Any:
        """The response about all flags."""
        return self._ask(ALL, customer, more)

    def flags(self, customer: str = "ann") -> dict[str, dict[str, Any]]:
        """All flags of a customer, by key."""
        return {each["key"]: each for each in self.all(customer).json()["flags"]}

    def browser(self, customer: str = "ann", *, origin: str = PAGE) -> dict[str, Any]:
        """What the shop's page sends: its publishable key, the customer's token, and the page's origin."""
        services, shop = self.server.services, self.server.shop
        secret = signing_secret(services.secret, shop.opened.tenant.id)
        token = sign(secret, customer, now=services.clock.now())
        return {"key": shop.opened.publishable_key, "headers": {"Origin": origin, "X-Customer-Token": token}}

    def _ask(self, path: str, customer: str | None, more: dict[str, Any]) -> Any:
        context = {**({} if customer is None else {"targetingKey": customer}), **more.pop("context", {})}
        return self.server.call("POST", path, json={"context": context}, **more)


@pytest.fixture
def ofrep(server: Server) -> Ofrep:
    """Asks of the server."""
    return Ofrep(server)
