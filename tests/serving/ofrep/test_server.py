"""The protocol over the real server program: answers in one piece, and streams that do not keep it from ending."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.client import Client
from tests.e2e.installation import Installation
from tests.e2e.server import Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

BODY = json.dumps({"context": {"targetingKey": "ann"}}).encode()
TURNS = 20
CLOCK = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server and a secret key; ann is a customer, and there are fifty features."""
    installation = Installation(tmp_path / "home", mlflow_uri="off")
    installation.ask("db", "upgrade")
    key = installation.ask("tenants", "create", "Shop", "--test", "--clock", CLOCK.isoformat())["secret_key"]
    with serving(installation) as server:
        with Client(server.address, key) as client:
            client.post("/v1/customers", {"key": "ann"})
            for number in range(50):
                client.post("/v1/features", {"key": f"feature_{number}", "name": "F", "kind": "boolean"})
        yield server, key


def test_an_answer_leaves_in_one_write(running: tuple[Server, str]) -> None:
    """Head and body of every answer are read by one call: no client waits for a second packet."""
    server, key = running
    host, _, port = server.address.removeprefix("http://").partition(":")
    question = (
        b"POST /ofrep/v1/evaluate/flags/feature_1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (key.encode(), len(BODY), BODY)
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.settimeout(20)
        for _ in range(TURNS):
            connection.sendall(question)
            answer = connection.recv(65_536)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert f"content-length: {len(body)}".encode() in head
            assert json.loads(body)["key"] == "feature_1"


def test_open_streams_end_with_the_server(running: tuple[Server, str]) -> None:
    """SIGTERM while a client listens: its stream ends whole, and the process ends with 0."""
    server, key = running
    with httpx.Client(base_url=server.address, timeout=20, trust_env=False) as client:
        bearer = {"Authorization": f"Bearer {key}"}
        found = client.post("/ofrep/v1/evaluate/flags", content=BODY, headers=bearer).json()
        with client.stream("GET", found["eventStreams"][0]["endpoint"]["requestUri"]) as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("id: ")
            assert server.stop() == 0
            assert [line for line in lines if line.startswith(("id", ":"))] == []
