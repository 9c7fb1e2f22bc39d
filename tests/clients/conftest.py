"""A shop behind a real server process, and the clients of Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from serving.tokens import sign
from tests.e2e.client import Client
from tests.e2e.installation import Installation
from tests.e2e.server import Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent
ORIGIN = "https://shop.example"
MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = ("ann", "bob", "eve")


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop on its own server: ann has Plus, bob Pro with a look of his own, and eve nothing."""

    server: Server
    client: Client
    keys: dict[str, str]

    @property
    def address(self) -> str:
        """Where the server listens."""
        return self.server.address

    def check(self, customer: str, feature: str) -> dict[str, Any]:
        """The gate's own answer."""
        found: dict[str, Any] = self.client.post("/v1/access/check", {"customer": customer, "feature": feature})
        return found

    def use(self, customer: str, event_id: str) -> None:
        """Use one delivery."""
        event = {"id": event_id, "source": "shop", "type": "delivery", "customer": customer}
        assert self.client.post("/v1/events", [event])["accepted"] == 1

    def token(self, customer: str) -> str:
        """What the shop's server gives a customer's browser."""
        return sign(self.client.get("/v1/signing-secret")["signing_secret"], customer, now=datetime.now(UTC))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop, on the embedded database."""
    installation = Installation(tmp_path_factory.mktemp("shop") / "home", mlflow_uri="off")
    with opened(installation) as found:
        yield found


@contextmanager
def opened(installation: Installation) -> Iterator[Shop]:
    """A new shop in an installation."""
    installation.ask("db", "upgrade")
    clock = ("--test", "--clock", MADE_AT.isoformat())
    keys = installation.ask("tenants", "create", "Shop", *clock, "--origin", ORIGIN)
    with serving(installation) as server, Client(server.address, keys["secret_key"]) as client:
        _stock(client)
        yield Shop(server, client, keys)


class Driven:
    """A client in Node.js, asked over its standard input and output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, what: str, **details: Any) -> Any:
        """What the client answers."""
        self.say({"do": what, **details})
        return self.hear()

    def say(self, document: dict[str, Any]) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The next line of its answers."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the client ended early; its last words are above"
        return json.loads(line)


@contextmanager
def driving(**settings: Any) -> Iterator[Driven]:
    """A client set up as said; its process ends with the block."""
    command = [need("node", "nodejs"), str(FOLDER / "drive.mjs")]
    process = subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            driven = Driven(process)
            driven.say(settings)
            assert driven.hear() == "ready"
            yield driven
            driven.do("end")
        finally:
            process.kill()


def need(program: str, package: str) -> str:
    """Where a program is; a failure that says what to install where it is not."""
    found = shutil.which(program, path=f"{_path()}:/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail(f"these tests drive {program}, which is not here; on Debian and Ubuntu: apt-get install {package}")
    if program == "node" and not (FOLDER / "node_modules").is_dir():
        pytest.fail("the clients are not installed; run `make test-clients`, or `npm ci` in tests/clients")
    return found


def _path() -> str:
    return os.environ.get("PATH", "")


def _stock(client: Client) -> None:
    meter = {"key": "deliveries", "name": "Deliveries", "event_type": "delivery", "aggregation": "count"}
    client.post("/v1/meters", meter)
    for feature in (
        {"key": "deliveries", "name": "Deliveries", "kind": "limit", "meter": "deliveries"},
        {"key": "reports", "name": "Reports", "kind": "boolean"},
        {"key": "exports", "name": "Exports", "kind": "boolean"},
        {"key": "look", "name": "Look", "kind": "config", "default": {"colour": "plain", "stars": [1, 2.5]}},
        {"key": "greeting", "name": "Greeting", "kind": "config", "default": "hello"},
    ):
        client.post("/v1/features", feature)
    for key, rank, grants in (
        ("plus", 1, {"deliveries": 3, "reports": True}),
        ("pro", 2, {"deliveries": None, "reports": True, "exports": True, "look": {"colour": "gold"}}),
    ):
        fee = {"key": "fee", "name": key.title(), "price": {"model": "flat", "amount": f"{rank}9.00"}}
        plan = {"key": key, "name": key.title(), "rank": rank, "currency": "EUR", "charges": [fee], "grants": grants}
        client.post("/v1/plans", plan)
    for customer in CUSTOMERS:
        client.post("/v1/customers", {"key": customer})
    client.post("/v1/subscriptions", {"customer": "ann", "plan": "plus"})
    client.post("/v1/subscriptions", {"customer": "bob", "plan": "pro"})
