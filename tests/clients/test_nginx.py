"""The example configuration in a real nginx, before a small site, asking a real server."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest

from tests.clients.conftest import Shop, need, opened
from tests.e2e.installation import Installation
from tests.servers import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

LONGEST_SECONDS = 3.0
CALLERS = {"key-of-ann": "ann", "key-of-bob": "bob", "key-of-eve": "eve", "key-of-nobody": "nobody"}


class _Site(BaseHTTPRequestHandler):
    """Answers every call with its path, or with the status that the path ends in; notes what got through."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        last = self.path.rsplit("/", 1)[-1]
        body = f"site {self.path}".encode()
        self.send_response(int(last) if last.isdigit() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Gated:
    """A shop, and its site behind nginx."""

    shop: Shop
    address: str

    def get(self, path: str, caller: str | None = None, **headers: str) -> httpx.Response:
        """What a caller of the site is answered."""
        key = {} if caller is None else {"X-API-Key": f"key-of-{caller}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(f"{self.address}{path}", headers={**key, **named}, timeout=20, trust_env=False)


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gated]:
    """The site, with a limit of two calls for plus and no end of them for pro."""
    program = need("nginx", "nginx-light")
    installation = Installation(tmp_path_factory.mktemp("gated") / "home", mlflow_uri="off")
    with opened(installation) as shop, _site() as site:
        _sell_calls(shop)
        uptier = shop.address.removeprefix("http://")
        key = shop.keys["secret_key"]
        with nginx.running(program, uptier=uptier, site=site, key=key, customers=CALLERS) as front:
            yield Gated(shop, front.address)


@contextmanager
def _site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _sell_calls(shop: Shop) -> None:
    meter = {"key": "calls", "name": "Calls", "event_type": "call", "aggregation": "count"}
    shop.client.post("/v1/meters", meter)
    shop.client.post("/v1/features", {"key": "api_calls", "name": "Calls", "kind": "limit", "meter": "calls"})
    for customer, value in (("ann", 2), ("bob", None)):
        path, body = f"/v1/customers/{customer}/overrides/api_calls", {"value": value, "reason": "the first customers"}
        assert shop.client.raw("PUT", path, json=body).status_code == 200


def test_a_module_is_open_to_who_has_its_feature(gated: Gated) -> None:
    """By Plus ann has it; eve is told what would unlock it, and her call never reaches the site."""
    through = gated.get("/reports/january", "ann")
    assert (through.status_code, through.text) == (200, "site /reports/january")
    _Site.seen.clear()

    denied = gated.get("/reports/january", "eve")

    assert _Site.seen == []
    assert denied.status_code == 402
    assert denied.headers["content-type"] == "application/problem+json"
    assert denied.headers["x-uptier-unlock"] == "plan:plus,plan:pro"
    expected = {"status": 402, "code": "no_subscription", "unlock": "plan:plus,plan:pro"}
    found = denied.json()
    assert {name: found[name] for name in expected} == expected


def test_a_limit_shuts_when_it_is_used_up(gated: Gated) -> None:
    """Two calls for ann, what is left told each time; then no, and when it opens again. bob has no limit."""
    for left in (2, 1):
        answer = gated.get("/api/things", "ann")
        assert (answer.status_code, answer.headers["x-uptier-limit"]) == (200, "2")
        assert answer.headers["x-uptier-remaining"] == str(left)
        event = {"id": f"call-{left}", "source": "site", "type": "call", "customer": "ann"}
        gated.shop.client.post("/v1/events", [event])
    shut = gated.get("/api/things", "ann")
    assert (shut.status_code, shut.json()["code"]) == (403, "limit_reached")
    assert shut.headers["x-uptier-resets-at"] == gated.shop.check("ann", "api_calls")["resets_at"]
    assert "x-uptier-remaining" not in gated.get("/api/things", "bob").headers
    assert gated.get("/api/things", "bob").status_code == 200


def test_who_says_nothing_or_lies_is_not_let_through(gated: Gated) -> None:
    """No key, one that is not known, and a caller that sends the headers which only nginx may send."""
    assert gated.get("/reports/x").status_code == 401
    assert gated.get("/reports/x", "stranger").json()["code"] == "bad_customer_token"
    assert gated.get("/reports/x", "nobody").json()["code"] == "customer_not_found"
    lies = {"X_Uptier_Customer": "ann", "X_Uptier_Feature": "greeting", "Authorization": "Bearer x"}
    assert gated.get("/reports/x", "eve", **lies).status_code == 402
    assert gated.get("/reports/x", **lies).status_code == 401
    assert gated.get("/.uptier", "ann").status_code == 404


def test_a_browser_is_known_by_its_token(gated: Gated) -> None:
    """The token that the shop's server signed; one that is broken, and one that speaks for another, are not good."""
    token = gated.shop.token("ann")
    assert gated.get("/reports/x", X_Customer_Token=token).status_code == 200
    assert gated.get("/reports/x", X_Customer_Token=token[:-3]).status_code == 401
    assert gated.get("/reports/x", "eve", X_Customer_Token=token).status_code == 401


def test_the_sites_own_errors_stay_its_own(gated: Gated) -> None:
    """A 403 or 500 of the site is not taken for one of the gate."""
    for status in (401, 403, 404, 500, 503):
        answer = gated.get(f"/reports/{status}", "ann")
        assert (answer.status_code, answer.text) == (status, f"site /reports/{status}")


def test_while_the_gate_is_away_each_route_decides(gated: Gated) -> None:
    """The module stays shut, the API stays open, and both are as before when the gate is back."""
    gated.shop.server.kill()
    try:
        shut, is_open = gated.get("/reports/x", "ann"), gated.get("/api/x", "eve")
    finally:
        gated.shop.server.start()
    assert (shut.status_code, shut.json()["code"], shut.headers["retry-after"]) == (503, "gate_away", "1")
    assert (is_open.status_code, is_open.text, is_open.headers["x-uptier-reason"]) == (200, "site /api/x", "gate_away")
    assert gated.get("/reports/x", "ann").status_code == 200
    assert gated.get("/api/x", "eve").status_code == 403


def test_nobody_waits_for_a_gate_that_does_not_answer(gated: Gated) -> None:
    """A stalled process: its connections stay open and nothing comes; each route decides within its patience."""
    pid = gated.shop.server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        answers = [gated.get("/reports/x", "ann"), gated.get("/api/x", "eve")]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert [each.status_code for each in answers] == [503, 200]
    assert all(each.elapsed.total_seconds() < LONGEST_SECONDS for each in answers)
