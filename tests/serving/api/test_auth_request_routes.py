"""The question of a web server: a status it understands, and the details in headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing.db.session import BusyError
from serving.gate import keyring
from serving.predict.denials import denials_of
from serving.tokens import sign, signing_secret

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.tenants.authenticate import Principal
    from tests.serving.api.conftest import Server

PATH = "/v1/auth-request"


def _ask(server: Server, *, method: str = "GET", key: str | None = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.call(method, PATH, key=key, headers=named)


def _about(customer: str = "ann", feature: str = "deliveries", **more: str) -> dict[str, str]:
    return {"X_Uptier_Customer": customer, "X_Uptier_Feature": feature, **more}


def test_a_call_within_the_limit_passes(server: Server, subscribed: dict[str, Any]) -> None:
    """204 without a body, and what is left; the same to HEAD."""
    assert subscribed
    for method in ("GET", "HEAD"):
        answer = _ask(server, method=method, **_about())
        assert (answer.status_code, answer.content) == (204, b"")
        told = {name: answer.headers[f"x-uptier-{name}"] for name in ("reason", "limit", "remaining")}
        assert told == {"reason": "within_limit", "limit": "3", "remaining": "3"}
        body = {"customer": "ann", "feature": "deliveries"}
        gate = server.call("POST", "/v1/access/check", json=body).json()
        assert (answer.headers["x-uptier-resets-at"], answer.headers["x-uptier-as-of"]) == (
            gate["resets_at"],
            gate["as_of"],
        )


def test_a_denied_call_is_told_what_unlocks_it(server: Server, subscribed: dict[str, Any]) -> None:
    """More than is left, and a feature of another plan; the denial is remembered, as any denial is."""
    assert subscribed
    answer = _ask(server, **_about(X_Uptier_Quantity="4"))
    assert (answer.status_code, answer.headers["x-uptier-reason"]) == (403, "limit_reached")
    assert answer.headers["x-uptier-unlock"] == "plan:plus,plan:pro"
    locked = _ask(server, **_about(feature="early_access"))
    assert (locked.status_code, locked.headers["x-uptier-reason"]) == (403, "not_in_plan")
    tenant = server.shop.opened.tenant
    now = tenant.now(server.services.clock.now())
    assert denials_of(server.services.counters, tenant.id, "ann", ["early_access"], now=now) == {"early_access": 1}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (_about("nobody"), "customer_not_found"),
        (_about("cleo"), "customer_not_found"),
        (_about(feature="nothing"), "feature_not_found"),
        (_about(feature=""), "bad_question"),
        (_about("x" * 201), "bad_question"),
        (_about(X_Uptier_Quantity="many"), "bad_question"),
        (_about(X_Uptier_Quantity="NaN"), "bad_question"),
        (_about(X_Uptier_Quantity="-1"), "bad_question"),
        (_about(X_Uptier_Quantity="1e99"), "bad_question"),
    ],
)
def test_a_question_that_cannot_be_answered_is_a_no(server: Server, headers: dict[str, str], code: str) -> None:
    """Any other status would be taken for a failure of ours, and may be set to let calls through."""
    answer = _ask(server, **headers)
    assert (answer.status_code, answer.headers["x-uptier-reason"]) == (403, code)


def test_who_asks_and_who_calls_must_be_known(server: Server) -> None:
    """No key, a wrong one, and nobody named are 401; a browser's key is 403."""
    for key in ("", "upt_sk_x_y", "no"):
        assert _ask(server, key=key, **_about()).status_code == 401
    assert _ask(server, X_Uptier_Feature="tastings").status_code == 401
    assert _ask(server, key=server.shop.opened.publishable_key, **_about()).status_code == 403


def test_a_customer_may_be_proven_by_their_token(server: Server, subscribed: dict[str, Any]) -> None:
    """Instead of being named; a name beside it must agree."""
    assert subscribed
    secret = signing_secret(server.services.secret, server.shop.opened.tenant.id)
    token = sign(secret, "ann", now=server.services.clock.now())
    assert _ask(server, X_Customer_Token=token, X_Uptier_Feature="deliveries").status_code == 204
    assert _ask(server, X_Customer_Token=token, **_about("ann")).status_code == 204
    assert _ask(server, X_Customer_Token=token, **_about("bob")).status_code == 401
    assert _ask(server, X_Customer_Token=token + "x", **_about("ann")).status_code == 401


def test_while_the_database_is_away_features_choose(
    server: Server, subscribed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A boolean that was read stays as it was, a limit is shut or open by its own choice; a key never seen is 503."""
    assert subscribed
    terms = {"on_failure": "open"}
    feature = {"key": "visits", "name": "Visits", "kind": "limit", "meter": "deliveries", "terms": terms}
    assert server.call("POST", "/v1/features", json=feature).status_code == 201
    path = "/v1/customers/ann/overrides/visits"
    assert server.call("PUT", path, json={"value": 5, "reason": "a wish"}).status_code == 200
    assert _ask(server, **_about(feature="visits")).headers["x-uptier-limit"] == "5"
    server.services.gate.forget_everything()

    def away(*_: object) -> Any:
        raise BusyError("away")

    def unproven(_database: Database, _presented: str) -> Principal:
        raise BusyError("away")

    monkeypatch.setattr(keyring, "authenticate", unproven)
    monkeypatch.setattr(server.services.database, "view", away)
    found = {feature: _ask(server, **_about(feature=feature)) for feature in ("visits", "deliveries")}
    assert {name: (answer.status_code, answer.headers["x-uptier-reason"]) for name, answer in found.items()} == {
        "visits": (204, "failed_open"),
        "deliveries": (403, "failed_closed"),
    }
