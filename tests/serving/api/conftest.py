"""A server over a migrated database, and clients for two tenants, a browser and nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from serving.application import create_app
from serving.settings import Settings
from serving.wiring import Services, build
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.db.session import Database


@dataclass(frozen=True, slots=True)
class Server:
    """The application, its services, and two tenants that must know nothing of each other."""

    client: TestClient
    services: Services
    shop: Shop
    other: Shop

    def call(self, method: str, path: str, *, key: str | None = None, **options: Any) -> Any:
        """A request with the first tenant's secret key, or the one given; an empty key sends none."""
        headers = dict(options.pop("headers", {}))
        chosen = self.shop.opened.secret_key if key is None else key
        if chosen:
            headers["Authorization"] = f"Bearer {chosen}"
        return self.client.request(method, path, headers=headers, **options)


@pytest.fixture
def server(database: Database, tmp_path: Path) -> Iterator[Server]:
    """A server on each engine in turn."""
    database_url = database.url.render_as_string(hide_password=False)
    settings = Settings(
        home=tmp_path / "home", database_url=database_url, mlflow_uri="off", holdout_per_ten_thousand=0, _env_file=None
    )
    services = build(settings)
    shop, other = open_shop(services.database), open_shop(services.database, "Leaf Lane", customers=("cleo",))
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        yield Server(client, services, shop, other)
    services.database.close()


@pytest.fixture
def subscribed(server: Server) -> dict[str, Any]:
    """Ann's subscription to Starter, as the API answers it."""
    answer = server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "starter"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
