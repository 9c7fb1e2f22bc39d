"""Holds over HTTP: set aside, seen by the gate, committed, released, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


def _hold(server: Server, key: str, quantity: str = "1", **more: Any) -> Any:
    body = {"customer": "ann", "feature": "deliveries", "quantity": quantity, "key": key, **more}
    return server.call("POST", "/v1/access/holds", json=body)


def _gate(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.call(
        "POST", "/v1/access/check", json={"customer": "ann", "feature": "deliveries"}
    ).json()
    return found


def test_the_gate_sees_what_is_held(server: Server, subscribed: dict[str, Any]) -> None:
    """Two of three held: the gate has one left and says that two are held; all held, it refuses."""
    made = _hold(server, "box-1", "2")
    assert (made.status_code, made.json()["state"], made.json()["customer"]) == (201, "open", subscribed["customer"])
    gate = _gate(server)
    assert (gate["allowed"], gate["used"], gate["held"], gate["remaining"]) == (True, "0", "2", "1")
    assert _hold(server, "box-2").status_code == 201
    assert (_gate(server)["allowed"], _gate(server)["reason"]) == (False, "limit_reached")
    full = _hold(server, "box-3")
    assert (full.status_code, full.json()["code"], full.json()["remaining"]) == (409, "limit_reached", "0")


def test_a_hold_is_committed_and_is_usage(server: Server, subscribed: dict[str, Any]) -> None:
    """Less than was held: the rest is free; the invoice will count two."""
    _hold(server, "box-1", "3")
    done = server.call("POST", "/v1/access/holds/box-1/commit", json={"quantity": "2"}).json()
    assert (done["state"], done["used"]) == ("committed", "2")
    assert (_gate(server)["used"], _gate(server)["held"], _gate(server)["remaining"]) == ("2", "0", "1")
    again = server.call("POST", f"/v1/access/holds/{done['id']}/commit", json={"quantity": "2"})
    assert again.json() == done
    upcoming = server.call("GET", f"/v1/subscriptions/{subscribed['id']}/upcoming-invoice").json()
    assert next(line["quantity"] for line in upcoming["lines"] if line["kind"] == "usage") == "2"


def test_a_hold_is_released_or_runs_out(server: Server, subscribed: dict[str, Any]) -> None:
    """The clock passes its end, and the list says so."""
    assert subscribed["status"] == "active"
    _hold(server, "box-1", "2", expires_in=600)
    _hold(server, "box-2")
    assert server.call("DELETE", "/v1/access/holds/box-2").json()["state"] == "released"
    done = server.call("POST", "/v1/test-clock", json={"advance_to": "2026-01-31T10:00:00Z"}).json()
    assert done["holds_expired"] == 1
    states = {each["key"]: each["state"] for each in server.call("GET", "/v1/access/holds").json()["items"]}
    assert states == {"box-1": "expired", "box-2": "released"}
    assert _gate(server)["remaining"] == "3"


def test_a_list_is_of_one_customer_and_feature(server: Server, subscribed: dict[str, Any]) -> None:
    """In pages, newest first, by state; one hold is shown by its id or key, as it is now."""
    made = [_hold(server, f"box-{number}").json() for number in range(3)]
    assert {each["customer"] for each in made} == {subscribed["customer"]}
    asked = {"customer": "ann", "feature": "deliveries", "state": "open", "limit": 2}
    first = server.call("GET", "/v1/access/holds", params=asked).json()
    rest = server.call("GET", "/v1/access/holds", params={**asked, "cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == [each["id"] for each in reversed(made)]
    assert server.call("GET", "/v1/access/holds", params={"customer": "bob"}).json()["items"] == []
    assert server.call("GET", "/v1/access/holds/box-1").json() == made[1]
    assert server.call("GET", f"/v1/access/holds/{made[1]['id']}").json() == made[1]


def test_a_refused_hold_takes_nothing_and_the_next_request_may(server: Server, subscribed: dict[str, Any]) -> None:
    """The key of a refusal is free, and the facts of it say what is left and when the limit starts anew."""
    _hold(server, "box-1", "3")
    full = _hold(server, "box-2", "2").json()
    facts = {name: full[name] for name in ("limit", "used", "held", "remaining", "resets_at")}
    assert facts == {
        "limit": 3,
        "used": "0",
        "held": "3",
        "remaining": "0",
        "resets_at": subscribed["current_period"]["end"],
    }
    server.call("DELETE", "/v1/access/holds/box-1")
    assert _hold(server, "box-2", "2").status_code == 201


def test_what_a_commit_carries_is_read_as_an_event_is(server: Server, subscribed: dict[str, Any]) -> None:
    """Values that no event may have are refused, and the hold stays as it was."""
    assert subscribed["plan"] == "starter"
    _hold(server, "box-1")
    for data in ({"kind": [1]}, {"kind": {"a": 1}}, {"": 1}, {"kind": "x" * 5000}, {"kind": "\0"}):
        refused = server.call("POST", "/v1/access/holds/box-1/commit", json={"data": data})
        assert refused.status_code == 422, data
    for wrong in ("-1", "NaN", "1e30", "0.5"):
        assert server.call("POST", "/v1/access/holds/box-1/commit", json={"quantity": wrong}).status_code == 422
    assert (
        server.call("POST", "/v1/access/holds/box-1/commit", json={"data": {"kind": "x"}}).json()["state"]
        == "committed"
    )


def test_what_is_wrong_is_said(server: Server, subscribed: dict[str, Any]) -> None:
    """An unknown hold, a feature without a meter, a time that is too long."""
    assert subscribed["plan"] == "starter"
    assert server.call("DELETE", "/v1/access/holds/nothing").json()["code"] == "hold_not_found"
    assert _hold(server, "k", feature="early_access").json()["code"] == "invalid_hold"
    assert _hold(server, "k", expires_in=10**7).status_code == 422
    assert _hold(server, "k", "0").json()["code"] == "invalid_hold"
