"""Rules of segments over HTTP: made, asked, explained, refused with the place of what is wrong, and deleted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from features.served.verify import verify_served
from tests.shop import START

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

RULE = {
    "key": "members",
    "name": "Members",
    "rule": {"all": [{"plan": ["starter", "plus"]}, {"not": {"consent": ["no_offers"]}}]},
}


def test_a_rule_is_made_asked_of_everybody_and_explained(server: Server, subscribed: dict[str, Any]) -> None:
    """Ann subscribes, Bob does not; both are told why."""
    made = server.call("POST", "/v1/segments/rules", json=RULE)
    assert (made.status_code, made.json()["size"], made.json()["rule"]) == (201, 0, RULE["rule"])

    done = server.call("POST", "/v1/segments/rules/members/evaluate").json()
    members = server.call("GET", "/v1/segments/rules/members/members").json()["items"]
    ann = server.call("GET", "/v1/segments/rules/members/customers/ann").json()
    bob = server.call("GET", "/v1/segments/rules/members/customers/bob").json()

    assert (done["size"], done["entered"], done["left"]) == (1, 1, 0)
    assert [row["customer"] for row in members] == ["ann"]
    assert ann["inside"]
    assert bob["why"] == "Out: the plan is none, which is not one of starter, plus."
    assert bob["because"] == [{"condition": {"plan": ["starter", "plus"]}, "held": False, "found": []}]
    assert server.call("GET", "/v1/customers/ann/profile").json()["standings"]["rule:members"]["segment"] == "in"


def test_a_rule_s_members_are_handed_out_under_consent(server: Server, subscribed: dict[str, Any]) -> None:
    """As a cluster's are: who did not agree is counted, and a segment that does not exist is a 404."""
    server.call("POST", "/v1/customers", json={"key": "bob", "email": "bob@example.org", "consents": ["marketing"]})
    server.call("POST", "/v1/segments/rules", json={"key": "all", "name": "All", "rule": {"not": {"consent": "x"}}})
    server.call("POST", "/v1/segments/rules/all/evaluate")

    found = server.call("GET", "/v1/segments/rule:all/export")

    assert [line.split(",")[0] for line in found.text.splitlines()] == ["key", "bob"]
    assert json.loads(found.headers["X-Excluded"]) == {"no_consent": 1}
    first = server.call("GET", "/v1/segments/rules/all/members?limit=1").json()
    second = server.call("GET", f"/v1/segments/rules/all/members?limit=1&cursor={first['next_cursor']}").json()
    assert {row["customer"] for row in (*first["items"], *second["items"])} == {"ann", "bob"}
    assert second["next_cursor"] is None
    assert server.call("GET", "/v1/segments/standings").json()["items"] == [
        {"key": "rule:all", "scheme": "rule:all", "segment": "in", "size": 2}
    ]
    for key in ("rule:none", "life_cycle:odd", "rfm:"):
        assert server.call("GET", f"/v1/segments/{key}/export").status_code == 404, key


def test_a_rule_that_is_none_is_refused_and_nothing_is_kept(server: Server) -> None:
    """With the place in the tree; keys are plain words."""
    wrong = {**RULE, "rule": {"all": [{"feature": "orders_90d", "op": "=>", "value": 1}]}}

    refused = server.call("POST", "/v1/segments/rules", json=wrong)
    strange = server.call("POST", "/v1/segments/rules", json={**RULE, "key": "../x"})

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_segment_rule")
    assert "all.0" in refused.json()["detail"]
    assert strange.status_code == 422
    assert server.call("GET", "/v1/segments/rules").json()["items"] == []


def test_a_deleted_rule_is_gone(server: Server) -> None:
    """And asking it is a 404."""
    server.call("POST", "/v1/segments/rules", json=RULE)

    assert server.call("DELETE", "/v1/segments/rules/members").json() == {"key": "members", "deleted": True}

    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/evaluate"), ("GET", "/customers/ann")):
        assert server.call(method, f"/v1/segments/rules/members{path}").status_code == 404, path


def test_a_served_profile_is_kept_and_is_what_is_computed_again(server: Server) -> None:
    """With every answer kept, the check has something to compute, and finds it equal."""
    object.__setattr__(server.services.settings, "served_share_ppm", 1_000_000)
    assert server.call("GET", "/v1/customers/ann/profile").status_code == 200

    check = verify_served(server.services.database, server.shop.scope, now=START + timedelta(hours=1))

    assert (check.sampled, check.differing) == (1, 0)


def test_a_customer_is_erased_once_and_the_key_is_free_again(server: Server) -> None:
    """What is open stands in the way; the answer tells what was done and no name."""
    server.call("POST", "/v1/customers", json={"key": "ann", "name": "Ann Other", "email": "ann@example.org"})

    erased = server.call("DELETE", "/v1/customers/ann")
    gone = server.call("GET", "/v1/customers/ann")

    assert erased.status_code == 200, erased.text
    assert "ann" not in erased.text
    assert erased.json()["done"]["blanked"]["customers"] == 1
    assert gone.status_code == 404
    assert server.call("DELETE", "/v1/customers/ann").status_code == 404


def test_a_customer_with_a_running_subscription_is_not_erased(server: Server, subscribed: dict[str, Any]) -> None:
    """The answer lists what has to be ended first."""
    refused = server.call("DELETE", "/v1/customers/ann")

    assert (refused.status_code, refused.json()["code"]) == (409, "customer_in_use")
    assert f"subscription {subscribed['id']}" in refused.json()["detail"]
