"""Boxes over HTTP: the operator puts up a shelf and chooses, the subscriber sees, exchanges and rates, from a browser too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.tokens import sign, signing_secret
from tests.shop import START

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

SHELF = {
    "cut_off": "2026-02-10T09:00:00Z",
    "choose_at": START.isoformat(),
    "items": [{"item": key, "stock": 3} for key in ("ayla", "brio", "cala", "dune")],
}


def _eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def _stocked(server: Server) -> None:
    products = [
        {"key": key, "name": key.title(), "category": category, "price": _eur("5.00"), "cost": _eur("1.00")}
        for key, category in (("ayla", "coffee"), ("brio", "coffee"), ("cala", "tea"), ("dune", "=tea"))
    ]
    assert server.call("POST", "/v1/products", json=products).status_code == 201
    assert server.call("PUT", "/v1/boxes/plans/starter", json={"slots": 2}).status_code == 200
    assert server.call("PUT", "/v1/boxes/shelves/2026-02", json=SHELF).status_code == 200


def _chosen(server: Server) -> dict[str, Any]:
    _stocked(server)
    found: dict[str, Any] = server.call("POST", "/v1/boxes/choose", json={"period": "2026-02"}).json()
    return found


def test_a_period_from_shelf_to_packing_list(server: Server, subscribed: dict[str, Any]) -> None:
    """One subscriber, two items: chosen once, summed up to the cent, packed in a list that no spreadsheet runs."""
    assert subscribed["plan"] == "starter"
    done = _chosen(server)
    assert (done["chosen"], done["filled"], done["short"]) == (1, 1, {})
    assert (done["price"]["amount"], done["cost"]["amount"], done["margin"]["amount"]) == ("9.00", "2.00", "7.00")
    assert server.call("POST", "/v1/boxes/choose", json={"period": "2026-02"}).json()["chosen"] == 0

    shown = server.call("GET", "/v1/boxes/2026-02").json()
    assert sum(item["stock"] - item["left"] for item in shown["items"]) == 2
    packed = server.call("GET", "/v1/boxes/2026-02/packing-list").text.splitlines()
    assert packed[0] == "customer,plan,item,name"
    assert len(packed) == 3
    assert server.call("GET", "/v1/boxes/plans").json()["items"][0]["plan"] == "starter"
    assert server.call("GET", "/v1/boxes/2031-01").json()["code"] == "box_period_not_found"
    assert server.call("PUT", "/v1/boxes/shelves/2026-02", json=SHELF).json()["code"] == "box_period_closed"


def test_a_subscriber_sees_exchanges_and_rates_from_a_browser(server: Server, subscribed: dict[str, Any]) -> None:
    """With the page's key and the customer's token: their own box only, and a refusal that says why."""
    assert subscribed["id"]
    _chosen(server)
    secret = signing_secret(server.services.secret, server.shop.opened.tenant.id)
    token = sign(secret, "ann", now=server.services.clock.now())
    browser: dict[str, Any] = {
        "key": server.shop.opened.publishable_key,
        "headers": {"Origin": "https://shop.example", "X-Customer-Token": token},
    }
    box = server.call("GET", "/v1/customers/ann/boxes/next", **browser).json()
    assert box["can_swap"]
    assert all(item["why"] for item in box["items"])
    out, into = box["items"][0]["item"], box["alternatives"][0]["item"]

    swapped = server.call("POST", "/v1/customers/ann/boxes/2026-02/swap", json={"out": out, "into": into}, **browser)
    assert swapped.status_code == 200
    assert into in [item["item"] for item in swapped.json()["items"]]
    again = server.call("POST", "/v1/customers/ann/boxes/2026-02/swap", json={"out": out, "into": into}, **browser)
    assert (again.status_code, again.json()["code"]) == (409, "swap_refused")
    rating = {"item": into, "liked": False, "comment": "too sour"}
    assert server.call("POST", "/v1/customers/ann/boxes/2026-02/ratings", json=rating, **browser).status_code == 200
    other = server.call("GET", "/v1/customers/bob/boxes/next", **browser)
    assert other.json()["code"] == "bad_customer_token"


def test_bodies_that_cannot_be_are_refused_by_name(server: Server, subscribed: dict[str, Any]) -> None:
    """No plan, no product, no cost, a cut-off in the past, a period whose key is none."""
    assert subscribed["id"]
    _stocked(server)
    missing = {**SHELF, "items": [{"item": "nothing", "stock": 1}]}
    for path, body, code in (
        ("/v1/boxes/plans/nothing", {"slots": 2}, "plan_not_found"),
        ("/v1/boxes/shelves/2026-03", missing, "invalid_box_plan"),
        ("/v1/boxes/shelves/2026 03", SHELF, "invalid_box_plan"),
        ("/v1/boxes/shelves/2026-03", {**SHELF, "choose_at": "2026-02-11T09:00:00Z"}, "invalid_box_plan"),
        (
            "/v1/boxes/shelves/2026-03",
            {**SHELF, "cut_off": "2026-01-01T00:00:00Z", "choose_at": "2025-12-01T00:00:00Z"},
            "box_period_closed",
        ),
    ):
        answer = server.call("PUT", path, json=body)
        assert answer.json()["code"] == code, (path, answer.text)
