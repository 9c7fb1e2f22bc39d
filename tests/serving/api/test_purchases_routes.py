"""Purchases over HTTP: known at once, counted once, refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

LINE: dict[str, Any] = {"customer": "ann", "item": "tea", "basket": "o1", "unit_price": "4.50", "currency": "EUR"}


def test_what_was_just_bought_is_owned_at_once(server: Server) -> None:
    """The next recommendation does not hold it, and the product has its name and price."""
    other = {**LINE, "customer": "new", "item": "cup", "basket": "o2", "description": "A cup"}
    answer = server.call("POST", "/v1/purchases", json=[LINE, other]).json()

    assert answer == {"accepted": 2, "duplicates": 0}
    shown = server.call("GET", "/v1/recommendations?customer=ann").json()["items"]
    assert [(item["item"], item["name"], item["price"]["amount"]) for item in shown] == [("cup", "A cup", "4.50")]


def test_the_same_line_counts_once(server: Server) -> None:
    """Two equal lines of one order are two; sent again they are known."""
    first = server.call("POST", "/v1/purchases", json=[LINE, LINE]).json()
    again = server.call("POST", "/v1/purchases", json=[LINE, LINE]).json()

    assert (first["accepted"], again["accepted"], again["duplicates"]) == (2, 0, 2)


def test_a_wrong_line_is_refused_by_its_field(server: Server) -> None:
    """Nothing of the call is stored."""
    for wrong in ({"quantity": 0}, {"unit_price": "-1"}, {"currency": "XXX"}, {"at": "2026-01-01T00:00:00"}):
        answer = server.call("POST", "/v1/purchases", json=[LINE, {**LINE, **wrong}])
        assert answer.status_code == 422, wrong
    assert server.call("POST", "/v1/purchases", json=[LINE]).json()["accepted"] == 1
