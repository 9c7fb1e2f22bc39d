"""A stand-in for Stripe on a free port: localstripe, behind a small proxy that adds what localstripe does not have.

localstripe answers customers, payment methods, intents, declines and refunds. It ignores `Idempotency-Key` and cannot list a customer's
intents; the proxy does both as Stripe documents them, and can lose an answer after the request was carried out.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.servers import guarded
from tests.servers.account import new_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_SECONDS = 30
_FORWARDED = ("authorization", "content-type")


@dataclass(slots=True)
class StripeServer:
    """A running stand-in: `address` for a client, and what to do with the next answer."""

    address: str
    behind: int
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    lose_next: bool = False

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Localstripe's own answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body=body, headers=headers or {"authorization": "Bearer sk_test_12345"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def once(self, key: str | None, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """The answer to a request; with a key that was seen, the first answer again and nothing done."""
        if key is None:
            return self.ask(method, path, body, headers)
        with self.lock:
            if key not in self.answers:
                self.answers[key] = self.ask(method, path, body, headers)
            return self.answers[key]

    def intents_of(self, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """A customer's intents, newest first, in one page."""
        _, body = self.ask("GET", "/v1/payment_intents?limit=100")
        document: dict[str, Any] = json.loads(body)
        document["data"] = [each for each in document["data"] if each["customer"] == query["customer"][0]]
        document["has_more"] = False
        return 200, json.dumps(document).encode()


def _handler(server: StripeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = parse_qs(url.query)
            if url.path == "/v1/payment_intents" and "customer" in query:
                self._answer(*server.intents_of(query))
            else:
                self._answer(*server.ask("GET", self.path, b"", self._kept()))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            answer = server.once(self.headers.get("idempotency-key"), "POST", self.path, body, self._kept())
            if server.lose_next:
                server.lose_next = False
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._answer(*answer)

        def _kept(self) -> dict[str, str]:
            return {name: self.headers[name] for name in _FORWARDED if name in self.headers}

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a test says what went wrong."""

    return Handler


@pytest.fixture(scope="session")
def stripe_server() -> Iterator[StripeServer]:
    """The session's stand-in for Stripe."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        behind = probe.getsockname()[1]
    server = StripeServer("", behind)
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(behind)]
    process = guarded.start(command, new_folder(None), lambda: _answers(server))
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.address = f"http://127.0.0.1:{proxy.server_address[1]}"
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    yield server
    proxy.shutdown()
    proxy.server_close()
    thread.join()
    process.stop()


def _answers(server: StripeServer) -> bool:
    try:
        return server.ask("GET", "/v1/balance")[0] < http.client.INTERNAL_SERVER_ERROR
    except OSError:
        return False
