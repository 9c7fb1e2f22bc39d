"""Kinds of features and sources of rights over HTTP: configurations, limits that bend, trials, and answers from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


def _feature(server: Server, **body: Any) -> Any:
    return server.call("POST", "/v1/features", json={"name": "X", **body})


def _gate(server: Server, feature: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    body = {"customer": "ann", "feature": feature, "quantity": quantity, **more}
    found: dict[str, Any] = server.call("POST", "/v1/access/check", json=body).json()
    return found


def test_a_configuration_is_the_plans_or_the_default(server: Server) -> None:
    """Without a plan the default, with one what it says, by hand before all; any JSON."""
    made = _feature(server, key="theme", kind="config", default={"colour": "plain"})
    assert (made.status_code, made.json()["default"]) == (201, {"colour": "plain"})
    before = _gate(server, "theme")
    assert (before["allowed"], before["reason"], before["value"]) == (True, "default", {"colour": "plain"})
    plan = {"key": "gold", "name": "Gold", "currency": "EUR", "grants": {"theme": ["gold", 1.5]}}
    published = server.call("POST", "/v1/plans", json=plan)
    assert (published.status_code, published.json()["grants"]) == (201, {"theme": ["gold", 1.5]})

    server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "gold"})

    found = _gate(server, "theme")
    assert (found["value"], found["reason"]) == (["gold", 1.5], "granted")
    assert found["sources"] == [{"kind": "plan", "key": "gold"}]
    path = "/v1/customers/ann/overrides/theme"
    assert server.call("PUT", path, json={"value": None, "reason": "a wish"}).json()["value"] is None
    assert _gate(server, "theme")["value"] is None


def test_what_is_no_value_of_a_feature_is_refused(server: Server) -> None:
    """A configuration may be anything, a limit and a boolean may not."""
    plan = {"key": "gold", "name": "Gold", "currency": "EUR"}
    for grants in ({"deliveries": "5"}, {"deliveries": 1.5}, {"deliveries": True}, {"tastings": 1}, {"tastings": {}}):
        assert server.call("POST", "/v1/plans", json={**plan, "grants": grants}).status_code == 422, grants
    for wrong in (
        {"key": "a", "kind": "boolean", "default": True},
        {"key": "a", "kind": "boolean", "terms": {"overflow": "soft"}},
        {"key": "a", "kind": "limit", "meter": "deliveries", "terms": {"overflow": "grace"}},
        {"key": "a", "kind": "limit", "meter": "deliveries", "terms": {"grace": "5"}},
        {"key": "a", "kind": "limit", "meter": "deliveries", "terms": {"oops": "5"}},
        {"key": "a", "kind": "config", "default": "x" * 5000},
    ):
        assert _feature(server, **wrong).status_code == 422, wrong


def test_a_limit_bends_as_its_terms_say(server: Server, subscribed: dict[str, Any]) -> None:
    """Three by plan: hard is three, grace of two is five, soft is any number, for checks and for holds."""
    assert subscribed["plan"] == "starter"
    expected = {
        "hard": ({}, ["limit_reached", "limit_reached"], 409),
        "grace": ({"grace": "2"}, ["in_grace", "limit_reached"], 409),
        "soft": ({}, ["over_limit", "over_limit"], 201),
    }
    for overflow, (more, reasons, status) in expected.items():
        terms = {"overflow": overflow, **more}
        _feature(server, key="deliveries", kind="limit", meter="deliveries", terms=terms)
        assert [_gate(server, "deliveries", quantity)["reason"] for quantity in (5, 6)] == reasons
        hold = {"customer": "ann", "feature": "deliveries", "quantity": "6", "key": overflow}
        assert server.call("POST", "/v1/access/holds", json=hold).status_code == status, overflow


def test_a_feature_is_tried_out_once(server: Server, subscribed: dict[str, Any]) -> None:
    """Beside what was bought: units add up, until the trial ends; a second one has to be asked for."""
    assert subscribed["plan"] == "starter"
    path = "/v1/customers/ann/trials/deliveries"
    body = {"value": 4, "days": 10, "reason": "a taste"}
    assert server.call("PUT", path, json=body).json()["value"] == 4
    during = _gate(server, "deliveries", 7)
    assert (during["allowed"], during["limit"]) == (True, 7)
    assert {"kind": "trial", "key": "trial"} in during["sources"]

    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-10T09:00:00Z"})

    assert _gate(server, "deliveries", 7)["limit"] == 3
    assert server.call("PUT", path, json=body).json()["code"] == "tried_already"
    assert server.call("PUT", path, json={**body, "again": True}).status_code == 200
    assert server.call("DELETE", path).json() == {"feature": "deliveries", "ended": True}
    assert server.call("DELETE", path).json()["code"] == "trial_not_found"
    assert server.call("PUT", path, json={**body, "days": 0}).status_code == 422


def test_an_answer_from_memory_says_how_old_it_is(server: Server, subscribed: dict[str, Any]) -> None:
    """What was committed here is seen at once, old answers are not given, and a list may mix both."""
    assert subscribed["plan"] == "starter"
    event = {"id": "e1", "source": "shop", "type": "delivery", "customer": "ann"}
    assert _gate(server, "deliveries", max_age_ms=60_000)["used"] == "0"

    assert server.call("POST", "/v1/events", json=[event]).json()["accepted"] == 1

    assert _gate(server, "deliveries", max_age_ms=60_000)["used"] == "1"
    question = {"customer": "ann", "feature": "deliveries"}
    asked = [question, {**question, "max_age_ms": 1000}, {**question, "feature": "tastings"}]
    found = server.call("POST", "/v1/access/check", json=asked).json()
    assert [each["reason"] for each in found] == ["within_limit", "within_limit", "not_in_plan"]
    assert found[0] == found[1]
