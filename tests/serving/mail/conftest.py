"""A shop with a segment whose members can be written to, and a mail server that keeps what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from features.segments.store import Segment, SegmentStore
from serving.application import create_app
from serving.settings import Settings
from serving.wiring import Services, build
from tests.serving.mail.mail_server import Inbox, serve
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.db.session import Database, Unit

KEYS = ("ann", "bob", "cy", "dora", "eve")
PUBLIC = "https://billing.shop.example"


@dataclass(frozen=True, slots=True)
class Post:
    """The shop, what serves it, and a client for its public pages."""

    shop: Shop
    services: Services
    client: TestClient

    @property
    def ids(self) -> dict[str, str]:
        """Customer ids by key."""
        with self.services.database.view(self.shop.scope) as unit:
            return CustomerStore(unit).ids_by_key(KEYS)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A mail server without TLS on this machine."""
    yield from serve(Inbox())


@pytest.fixture
def post(database: Database, tmp_path: Path, inbox: Inbox) -> Iterator[Post]:
    """Five members who agreed to marketing, on each engine."""
    settings = Settings(
        home=tmp_path / "home",
        database_url=database.url.render_as_string(hide_password=False),
        mlflow_uri="off",
        holdout_per_ten_thousand=0,
        public_url=PUBLIC,
        smtp_url=inbox.url,
        mail_from="Bean Street <hello@shop.example>",
        _env_file=None,
    )
    services = build(settings)
    shop = open_shop(services.database, customers=())
    with services.database.unit(shop.scope) as unit:
        fill(unit)
    with TestClient(create_app(services)) as client:
        yield Post(shop, services, client)
    services.database.close()


def fill(unit: Unit) -> None:
    """The members and their segment."""
    customers = [
        Customer(
            id=new_id("cus"),
            key=key,
            created_at=START,
            name=key.title(),
            email=f"{key}@mail.example",
            consents=("marketing",),
        )
        for key in KEYS
    ]
    for customer in customers:
        CustomerStore(unit).add(customer)
    segment = Segment(key="c1", name="Regulars", version="v1", as_of=START, profile={})
    SegmentStore(unit).replace([segment], {customer.id: "c1" for customer in customers})
