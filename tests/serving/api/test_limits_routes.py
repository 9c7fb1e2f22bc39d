"""A plan's rate limits over HTTP: allowed and refused calls, settled costs, what is left, and what is said at 80 and 100 percent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.terms import PLAIN, parse_terms
from billing.catalog.terms_fields import TermsError

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

LIMITS = [
    {"name": "month", "amount": 10, "per": "billing_period", "routes": {"/report": 3}},
    {"name": "minute", "amount": 1, "per": "month", "burst": 6, "counts": "calls"},
    {"name": "flight", "amount": 2, "per": "in_flight", "lease_seconds": 3600},
]


def _subscribe(server: Server) -> None:
    plan = {
        "key": "api",
        "name": "API",
        "kind": "plan",
        "rank": 5,
        "currency": "EUR",
        "interval": "month",
        "charges": [{"key": "fee", "name": "API", "price": {"model": "flat", "amount": "5.00"}}],
        "grants": {},
        "terms": {"rate_limits": LIMITS},
    }
    made = server.call("POST", "/v1/plans", json=plan)
    assert made.status_code in {200, 201}, made.text
    answer = server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "api"})
    assert answer.status_code == 201, answer.text


def _check(server: Server, **body: Any) -> Any:
    return server.call("POST", "/v1/limits/check", json={"customer": "ann", **body})


def test_calls_take_all_limits_or_none(server: Server) -> None:
    """Three reports are ten and a half months' worth: the fourth is refused by the quota, and takes nothing from the rest."""
    _subscribe(server)
    first = _check(server, route="/report")
    second = _check(server, route="/report")
    crowded = _check(server)
    assert (first.status_code, second.status_code, crowded.status_code) == (200, 200, 429)
    assert crowded.json()["violated-policies"] == ["flight"]
    assert int(crowded.headers["Retry-After"]) > 3500
    assert '"month";r=4' in crowded.headers["RateLimit"]
    assert '"month";q=10;w=' in first.headers["RateLimit-Policy"]
    assert first.headers["X-RateLimit-Limit"]
    settle = {"customer": "ann", "lease": first.json()["lease"], "cost": 1}
    assert server.call("POST", "/v1/limits/settle", json=settle).json() == {"settled": True}
    assert server.call("POST", "/v1/limits/settle", json=settle).json() == {"settled": False}
    left = {each["name"]: each["remaining"] for each in server.call("GET", "/v1/limits?customer=ann").json()["limits"]}
    assert left == {"month": 6, "minute": 4, "flight": 1}


def test_who_is_not_entitled_is_told_so(server: Server) -> None:
    """401 without a key, 403 without a subscription, 404 for nobody."""
    assert server.call("POST", "/v1/limits/check", key="", json={"customer": "ann"}).status_code == 401
    assert _check(server, customer="bob").status_code == 403
    assert _check(server, customer="nobody").status_code == 404


def test_terms_keep_what_they_read() -> None:
    """And a plan without limits says nothing of them."""
    terms = parse_terms({"rate_limits": LIMITS})
    assert parse_terms(terms.to_document()) == terms
    assert "rate_limits" not in PLAIN.to_document()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount": "5"}, "amount"),
        ({"amount": None}, "amount"),
        ({"per": "fortnight"}, "per"),
        ({"burst": 5}, "burst"),
        ({"mode": "throttle"}, "mode"),
        ({"mode": []}, "mode"),
        ({"routes": {"/x": -1}}, "routes./x"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_limit_names_its_field(changed: dict[str, Any], field: str) -> None:
    """Down to the place in the list."""
    document = {"name": "month", "amount": 10, "per": "billing_period"} | changed
    with pytest.raises(TermsError) as caught:
        parse_terms({"rate_limits": [document]})
    assert caught.value.facts["field"] == f"rate_limits.0.{field}"
