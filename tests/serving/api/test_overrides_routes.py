"""Overrides over HTTP: set, seen by the gate, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

PATH = "/v1/customers/ann/overrides/deliveries"


def _gate(server: Server) -> dict[str, Any]:
    body = {"customer": "ann", "feature": "deliveries", "quantity": 4}
    found: dict[str, Any] = server.call("POST", "/v1/access/check", json=body).json()
    return found


def test_the_gate_follows_what_is_set_by_hand(server: Server, subscribed: dict[str, Any]) -> None:
    """The plan gives three; five by hand; three again. The period stays the subscription's."""
    before = _gate(server)
    assert (subscribed["customer"], before["allowed"], before["limit"]) == ("ann", False, 3)

    made = server.call("PUT", PATH, json={"value": 5, "reason": "late parcel"})

    assert (made.status_code, made.json()["value"], made.json()["reason"]) == (200, 5, "late parcel")
    during = _gate(server)
    assert (during["allowed"], during["limit"], during["resets_at"]) == (True, 5, before["resets_at"])
    assert server.call("DELETE", PATH).json() == {"feature": "deliveries", "removed": True}
    after = _gate(server)
    assert (after["allowed"], after["limit"]) == (False, 3)
    assert (server.call("DELETE", PATH).status_code, server.call("DELETE", PATH).json()["code"]) == (
        404,
        "override_not_found",
    )


def test_no_limit_and_nonsense_are_told_apart(server: Server, subscribed: dict[str, Any]) -> None:
    """Without a limit is null; a missing value, a text, a fraction and a naive time are errors."""
    assert subscribed["status"] == "active"
    for wrong in ({}, {"value": "5"}, {"value": 1.5}, {"value": -1}, {"value": True}):
        assert server.call("PUT", PATH, json={"reason": "x", **wrong}).status_code == 422, wrong
    late = {"value": 5, "reason": "x", "expires_at": "2026-03-01T00:00:00"}
    assert server.call("PUT", PATH, json=late).status_code == 422
    assert server.call("PUT", PATH, json={"value": None, "reason": "x"}).status_code == 200
    assert _gate(server)["reason"] == "unlimited"
