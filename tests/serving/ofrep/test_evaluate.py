"""What is evaluated, for whom, and what is said of questions that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from billing.db.base import Base
from billing.db.changes import changed
from serving.application import create_app
from serving.ofrep.flags import NO_LIMIT
from serving.predict.denials import denials_of
from serving.wiring import build
from tests.serving.ofrep.conftest import ALL, PAGE

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server
    from tests.serving.ofrep.conftest import Ofrep

SCALARS = (bool, int, float, str)


def _subscribe(server: Server, customer: str, plan: str) -> None:
    answer = server.call("POST", "/v1/subscriptions", json={"customer": customer, "plan": plan})
    assert answer.status_code == 201, answer.text


def _checked(server: Server, customer: str, feature: str) -> dict[str, Any]:
    body = {"customer": customer, "feature": feature}
    found: dict[str, Any] = server.call("POST", "/v1/access/check", json=body).json()
    return found


def test_a_limit_is_a_number_with_its_usage(ofrep: Ofrep) -> None:
    """Starter has three deliveries; one of them is used."""
    _subscribe(ofrep.server, "ann", "starter")
    event = {"id": "e1", "source": "shop", "type": "delivery", "customer": "ann"}
    ofrep.server.call("POST", "/v1/events", json=[event])

    answer = ofrep.one("deliveries")

    assert answer.status_code == 200
    found = answer.json()
    assert (found["key"], found["value"], found["variant"], found["reason"]) == (
        "deliveries",
        3,
        "plan:starter",
        "STATIC",
    )
    told = found["metadata"]
    expected = {"why": "within_limit", "allowed": True, "limit": 3, "used": 1, "remaining": 2, "used_pct": 33}
    assert {name: told[name] for name in expected} == expected
    assert told["source"] == "plan:starter"
    assert told["reset_at"] == _checked(ofrep.server, "ann", "deliveries")["resets_at"]
    assert isinstance(told["stale_ms"], int)
    assert told["stale_ms"] >= 0
    assert told["version"]


def test_every_feature_is_a_flag_that_agrees_with_the_gate(ofrep: Ofrep) -> None:
    """For customers with and without plans: the verdict, the reason and the limit are the gate's; metadata is flat."""
    server = ofrep.server
    server.call("POST", "/v1/features", json={"key": "theme", "name": "T", "kind": "config", "default": {"a": [1.5]}})
    _subscribe(server, "ann", "pro")
    for customer in ("ann", "bob"):
        flags = ofrep.flags(customer)
        assert set(flags) == {"deliveries", "early_access", "tastings", "theme"}
        for key, flag in flags.items():
            gate = _checked(server, customer, key)
            told = flag["metadata"]
            assert (told["allowed"], told["why"], told.get("limit")) == (gate["allowed"], gate["reason"], gate["limit"])
            assert all(isinstance(value, SCALARS) for value in told.values())
            single = ofrep.one(key, customer).json()
            assert (single["value"], single["reason"], single["variant"]) == (
                flag["value"],
                flag["reason"],
                flag["variant"],
            )
    assert ofrep.flags("ann")["deliveries"]["value"] == NO_LIMIT
    assert ofrep.flags("bob")["deliveries"]["value"] == 0
    assert ofrep.flags("bob")["early_access"]["value"] is False
    assert ofrep.flags("bob")["early_access"]["metadata"]["unlock_plan"] == "plus"
    assert ofrep.flags("bob")["theme"]["value"] == {"a": [1.5]}


def test_what_was_given_by_hand_is_a_match(ofrep: Ofrep) -> None:
    """The variant names the override, and a change is seen at once."""
    _subscribe(ofrep.server, "ann", "starter")
    assert ofrep.one("tastings").json()["value"] is False

    path = "/v1/customers/ann/overrides/tastings"
    assert ofrep.server.call("PUT", path, json={"value": True, "reason": "a wish"}).status_code == 200

    found = ofrep.one("tastings").json()
    assert (found["value"], found["reason"]) == (True, "TARGETING_MATCH")
    assert found["variant"].startswith("override:")


def test_more_units_may_be_asked_for(ofrep: Ofrep) -> None:
    """Three are left: three are allowed, four are not; the limit stays the value."""
    _subscribe(ofrep.server, "ann", "starter")
    found = [ofrep.one("deliveries", context={"quantity": many}).json() for many in (3, 4)]
    assert [(each["value"], each["metadata"]["why"]) for each in found] == [(3, "within_limit"), (3, "limit_reached")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "PARSE_ERROR"),
        (b"{", "PARSE_ERROR"),
        (b"[]", "PARSE_ERROR"),
        (b'"\xff"', "PARSE_ERROR"),
        (b"[" * 2000, "PARSE_ERROR"),
        (b"{}", "TARGETING_KEY_MISSING"),
        (b'{"context": null}', "TARGETING_KEY_MISSING"),
        (b'{"context": {}}', "TARGETING_KEY_MISSING"),
        (b'{"context": {"targetingKey": ""}}', "TARGETING_KEY_MISSING"),
        (b'{"context": []}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "nobody"}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "a\\u0000b"}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "' + b"x" * 201 + b'"}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "ann", "quantity": -1}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "ann", "quantity": true}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "ann", "quantity": 1e400}}', ""),
    ],
)
def test_a_question_that_cannot_be_answered_is_a_400(ofrep: Ofrep, body: bytes, code: str) -> None:
    """In the protocol's words, about one flag and about all of them."""
    for path, about in ((ALL, {}), (f"{ALL}/deliveries", {"key": "deliveries"})):
        answer = ofrep.server.call("POST", path, content=body)
        found = answer.json()
        assert answer.status_code == 400, found
        assert found["errorCode"] == code or not code
        assert found["errorDetails"]
        assert {name: value for name, value in found.items() if name == "key"} == about


def test_a_flag_that_is_not_is_not_found(ofrep: Ofrep) -> None:
    """Also one of another tenant's, and one whose name is odd."""
    for key in ("nothing", "a/b", "%00", "ü" * 300):
        answer = ofrep.one(key)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND"), key


def test_another_tenants_customer_is_nobody(ofrep: Ofrep) -> None:
    """It is cleo who is a customer of the other tenant."""
    assert ofrep.all("cleo").json()["errorCode"] == "INVALID_CONTEXT"
    assert ofrep.all("cleo", key=ofrep.server.other.opened.secret_key).status_code == 200


def test_a_key_is_needed_and_may_come_in_either_header(ofrep: Ofrep) -> None:
    """None, a wrong one, and a good one as X-API-Key."""
    for key, headers in (
        ("", {}),
        ("upt_sk_x_y", {}),
        ("", {"X-API-Key": "no"}),
        ("", {"Authorization": "Basic YTpi"}),
    ):
        answer = ofrep.all(key=key, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["errorDetails"]
    good = {"X-API-Key": ofrep.server.shop.opened.secret_key}
    assert ofrep.all(key="", headers=good).status_code == 200


def test_a_revoked_key_is_refused_at_once(ofrep: Ofrep) -> None:
    """Though it was proven a moment ago."""
    server = ofrep.server
    made = server.call("POST", "/v1/api-keys", json={"kind": "secret"}).json()["key"]
    assert [ofrep.all(key=made).status_code for _ in range(3)] == [200] * 3
    keys = server.call("GET", "/v1/api-keys").json()["items"]
    [mine] = [each["id"] for each in keys if made.endswith(each["hint"]) and each["kind"] == "secret"][-1:]

    assert server.call("DELETE", f"/v1/api-keys/{mine}").status_code == 204

    assert ofrep.all(key=made).status_code == 401


def test_a_moved_clock_is_seen_at_once(ofrep: Ofrep) -> None:
    """The tenant's time is part of what is kept with its key."""
    _subscribe(ofrep.server, "ann", "starter")
    before = ofrep.one("deliveries").json()["metadata"]
    ofrep.one("deliveries")

    ofrep.server.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-10T09:00:00Z"})

    after = ofrep.one("deliveries").json()["metadata"]
    assert before["as_of"].startswith("2026-01-31")
    assert after["as_of"].startswith("2026-02-10")


def test_a_browser_speaks_for_the_customer_of_its_token_alone(ofrep: Ofrep) -> None:
    """From a page of the key's, with a token; what it says of its plan changes nothing."""
    _subscribe(ofrep.server, "ann", "starter")
    claims = {"plan": "pro", "usage": 0, "role": "owner"}

    found = ofrep.all("ann", context=claims, **ofrep.browser())

    assert found.status_code == 200
    assert found.headers["access-control-allow-origin"] == PAGE
    assert "ETag" in found.headers["access-control-expose-headers"]
    assert {each["key"]: each["value"] for each in found.json()["flags"]}["deliveries"] == 3
    assert ofrep.all("bob", **ofrep.browser("ann")).status_code == 401
    assert ofrep.all("ann", **ofrep.browser(origin="https://elsewhere.example")).status_code == 403
    bare = ofrep.browser()
    del bare["headers"]["X-Customer-Token"]
    refused = ofrep.all("ann", **bare)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert ofrep.all(None, **ofrep.browser()).json()["errorCode"] == "TARGETING_KEY_MISSING"


def test_a_page_may_ask_whether_it_may_ask(ofrep: Ofrep) -> None:
    """The preflight of a POST with the headers that the clients send."""
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,if-none-match,x-customer-token",
    }
    for path in (ALL, f"{ALL}/deliveries"):
        answer = ofrep.server.call("OPTIONS", path, key="", headers=headers)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-methods"] == "POST"
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        assert set(headers["Access-Control-Request-Headers"].split(",")) <= set(allowed)


def test_other_methods_and_paths_are_not_the_protocols(ofrep: Ofrep) -> None:
    """405 with what is allowed, and 404 as anywhere."""
    answer = ofrep.server.call("GET", ALL)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert ofrep.server.call("GET", "/ofrep/v1/nothing").status_code == 404
    assert ofrep.server.call("POST", "/ofrep/v1/configuration").status_code == 404


def test_a_tag_is_of_the_results_and_not_of_their_age(ofrep: Ofrep) -> None:
    """The same results, read anew, have the same tag; a used unit has another, for that customer alone."""
    server = ofrep.server
    _subscribe(server, "ann", "starter")
    _subscribe(server, "bob", "starter")
    first, bob = ofrep.all(), ofrep.all("bob")
    tag = first.headers["etag"]
    with server.services.database.unit(server.shop.scope) as unit:
        changed(unit.session)  # everything is read anew
    again = ofrep.all(headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert ofrep.all(headers={"If-None-Match": f'W/{tag}, "x"'}).status_code == 304

    event = {"id": "e1", "source": "shop", "type": "delivery", "customer": "ann"}
    server.call("POST", "/v1/events", json=[event])

    used = ofrep.all(headers={"If-None-Match": tag})
    assert used.status_code == 200
    assert used.headers["etag"] != tag
    assert ofrep.all("bob", headers={"If-None-Match": bob.headers["etag"]}).status_code == 304


def test_who_was_told_of_a_newer_tag_is_not_answered_from_before_it(ofrep: Ofrep) -> None:
    """A unit is used in another process, of which this one has not heard: with the new tag it reads anew, without it does not."""
    server = ofrep.server
    _subscribe(server, "ann", "starter")
    assert ofrep.all().status_code == 200
    other = build(server.services.settings)
    with TestClient(create_app(other)) as client:
        event = {"id": "e1", "source": "shop", "type": "delivery", "customer": "ann"}
        bearer = {"Authorization": f"Bearer {server.shop.opened.secret_key}"}
        assert client.post("/v1/events", json=[event], headers=bearer).json()["accepted"] == 1
        body = {"context": {"targetingKey": "ann"}}
        new = client.post(ALL, json=body, headers=bearer).headers["etag"]
    other.database.close()

    query = {"flagConfigEtag": new, "flagConfigLastModified": "1"}
    after = server.call("POST", ALL, json=body, params=query)

    assert after.headers["etag"] == new
    assert {each["key"]: each for each in after.json()["flags"]}["deliveries"]["metadata"]["used"] == 1


def test_asking_writes_nothing(ofrep: Ofrep) -> None:
    """No exposure, no denial, no event: not a row anywhere, not a counter."""
    server = ofrep.server
    _subscribe(server, "ann", "starter")
    before = _everything(server)

    for _ in range(3):
        assert ofrep.all().status_code == 200
        assert ofrep.one("tastings").json()["value"] is False

    assert _everything(server) == before
    tenant = server.shop.opened.tenant
    now = tenant.now(server.services.clock.now())
    assert denials_of(server.services.counters, tenant.id, "ann", ["tastings"], now=now) == {}


def _everything(server: Server) -> dict[str, int]:
    """How many rows each table has."""
    with server.services.database.engine.connect() as connection:
        return {
            name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for name, table in sorted(Base.metadata.tables.items())
        }
