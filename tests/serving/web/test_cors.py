"""What browsers of other origins may call, and what a publishable key needs to be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from serving.tokens import sign, signing_secret

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from serving.wiring import Services
    from tests.serving.web.prepared import Ready

ORIGIN = "http://testserver"
ROUTES = (
    ("GET", "/v1/recommendations"),
    ("GET", "/v1/bundles"),
    ("POST", "/v1/decisions"),
    ("POST", "/v1/decisions/dec_1/outcome"),
)


@pytest.fixture
def browser(ready: Ready, services: Services) -> dict[str, str]:
    """The headers that the widget sends for Ann."""
    secret = signing_secret(services.secret, ready.opened.tenant.id)
    token = sign(secret, "ann", now=services.clock.now())
    return {"authorization": f"Bearer {ready.publishable_key}", "x-customer-token": token}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_preflight_opens_the_four_browser_routes(client: TestClient, method: str, path: str) -> None:
    """The page's origin comes back with the method and the headers the widget sends, and without credentials."""
    asked = {"origin": "https://shop.example", "access-control-request-method": method}

    answer = client.options(path, headers=asked)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-methods"] == method
    allowed = answer.headers["access-control-allow-headers"]
    assert all(name in allowed for name in ("authorization", "content-type", "x-customer-token", "idempotency-key"))
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/decisions/dec_1", "/v1/plans", "/v1/events", "/admin"])
def test_nothing_else_is_opened(client: TestClient, path: str) -> None:
    """The business's own routes and the pages answer no preflight, and no answer of theirs names an origin."""
    asked = {"origin": "https://shop.example", "access-control-request-method": "GET"}

    assert "access-control-allow-origin" not in client.options(path, headers=asked).headers
    assert "access-control-allow-origin" not in client.get(path, headers={"origin": "https://shop.example"}).headers


def test_a_personal_answer_is_readable_by_its_page_and_kept_by_no_cache(
    client: TestClient, browser: dict[str, str]
) -> None:
    """The origin the key is bound to reads the answer; shared caches keep none of it."""
    answer = client.get("/v1/recommendations", headers={**browser, "origin": ORIGIN})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["cache-control"] == "private, no-store"
    assert "Origin" in answer.headers["vary"]


def test_a_foreign_page_is_refused_and_may_read_why(client: TestClient, browser: dict[str, str]) -> None:
    """The key's origins decide, not the CORS headers; the refusal is readable so that a developer sees it."""
    answer = client.get("/v1/recommendations", headers={**browser, "origin": "https://thief.example"})

    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert answer.headers["access-control-allow-origin"] == "https://thief.example"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"referer": f"{ORIGIN}/shop?customer=ann"}, 200),
        ({"referer": f"{ORIGIN}/shop", "sec-fetch-site": "same-origin"}, 200),
        ({"referer": f"{ORIGIN}/shop", "sec-fetch-site": "cross-site"}, 403),
        ({"referer": f"{ORIGIN}/shop", "sec-fetch-site": "same-site"}, 403),
        ({"referer": f"{ORIGIN}/shop", "origin": "null"}, 403),
        ({"referer": f"{ORIGIN}.thief.example/shop"}, 403),
        ({"referer": f"https://thief.example/?{ORIGIN}"}, 403),
        ({"referer": "about:blank"}, 403),
        ({}, 403),
    ],
)
def test_a_page_of_the_same_server_is_known_by_its_address(
    client: TestClient, browser: dict[str, str], headers: dict[str, str], status: int
) -> None:
    """Browsers send no Origin with a same-origin GET: the page's own address stands in, unless the browser says it is another site's."""
    assert client.get("/v1/recommendations", headers={**browser, **headers}).status_code == status
