"""Quotas over HTTP, with and without Redis: alerts once a period, and what goes beyond is on the invoice, to the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from billing.db.outbox import waiting_facts
from serving.application import create_app
from serving.settings import Settings
from serving.wiring import build
from tests.serving.api.conftest import Server
from tests.shop import open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.db.session import Database

LIMITS = [
    {"name": "month", "amount": 10, "per": "billing_period", "mode": "overage", "meter": "beyond"},
    {"name": "hard", "amount": 40, "per": "billing_period"},
    {"name": "burst", "amount": 1, "per": "month", "burst": 60},
]


@pytest.fixture(params=["alone", pytest.param("redis", marks=pytest.mark.servers)])
def selling(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Server]:
    """A server whose plan sells calls, with the limits in the database alone, or the rates in Redis."""
    redis_url = request.getfixturevalue("redis_url") if request.param == "redis" else ""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(
        home=tmp_path / "home",
        database_url=url,
        redis_url=redis_url,
        mlflow_uri="off",
        holdout_per_ten_thousand=0,
        _env_file=None,
    )
    services = build(settings)
    shop = open_shop(services.database)
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        server = Server(client, services, shop, shop)
        _sell(server)
        yield server
    if services.bus is not None:
        services.bus.close()
    services.database.close()


def _sell(server: Server) -> None:
    meter = {
        "key": "beyond",
        "name": "Calls beyond",
        "event_type": "calls.beyond",
        "aggregation": "sum",
        "property": "calls",
    }
    made = server.call("POST", "/v1/meters", json=meter)
    assert made.status_code == 201, made.text
    made = server.call("POST", "/v1/plans", json=_plan(LIMITS))
    assert made.status_code == 201, made.text
    assert server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "api"}).status_code == 201


def _plan(limits: list[dict[str, Any]]) -> dict[str, Any]:
    per_unit = {"model": "graduated", "tiers": [{"up_to": None, "unit_price": "0.25"}]}
    return {
        "key": "api",
        "name": "API",
        "kind": "plan",
        "rank": 5,
        "currency": "EUR",
        "interval": "month",
        "charges": [
            {"key": "fee", "name": "API", "price": {"model": "flat", "amount": "5.00"}},
            {"key": "beyond", "name": "Calls beyond", "meter": "beyond", "price": per_unit},
        ],
        "grants": {},
        "terms": {"rate_limits": limits},
    }


def _check(server: Server, **body: Any) -> Any:
    return server.call("POST", "/v1/limits/check", json={"customer": "ann", **body})


def _alerts(server: Server) -> list[tuple[str, int]]:
    with server.services.database.view(server.shop.scope) as unit:
        facts = waiting_facts(unit, limit=1000)
    return sorted(
        (fact.payload["limit"], fact.payload["percent"]) for fact in facts if fact.kind.startswith("limit.used")
    )


def test_what_goes_beyond_is_billed_to_the_unit(selling: Server) -> None:
    """Eight and five are three beyond; nine reserved and settled at four are four; refused calls are nothing: seven at 0.25."""
    assert _check(selling, cost=8).status_code == 200
    over = _check(selling, cost=5)
    assert over.status_code == 200
    month = next(each for each in over.json()["limits"] if each["name"] == "month")
    assert (month["used"], month["remaining"], month["exceeded"]) == (13, 0, True)
    reserved = _check(selling, cost=9, reserve=True).json()
    settle = {"customer": "ann", "lease": reserved["lease"], "cost": 4}
    assert selling.call("POST", "/v1/limits/settle", json=settle).json() == {"settled": True}
    assert selling.call("POST", "/v1/limits/settle", json=settle).json() == {"settled": False}
    refused = _check(selling, cost=30)
    assert (refused.status_code, refused.json()["violated-policies"]) == (429, ["hard"])
    assert _check(selling, cost=0).status_code == 200
    done = selling.call("POST", "/v1/test-clock", json={"advance_to": "2026-03-05T10:00:00Z"}).json()
    assert done["failed"] == []
    invoices = selling.call("GET", "/v1/invoices").json()["items"]
    lines = [
        line for invoice in invoices for line in invoice["lines"] if line["description"].startswith("Calls beyond")
    ]
    assert sum(int(float(line["amount"]["amount"]) * 100) for line in lines) == 175, lines
    fresh = {each["name"]: each["used"] for each in selling.call("GET", "/v1/limits?customer=ann").json()["limits"]}
    assert (fresh["month"], fresh["hard"]) == (0, 0), "a new billing period"


def test_alerts_come_once_a_period(selling: Server) -> None:
    """At 80 % and at 100 % of each quota, however many calls come after; a new period has alerts of its own."""
    assert _check(selling, cost=7).status_code == 200
    assert _alerts(selling) == []
    assert _check(selling).status_code == 200
    assert _alerts(selling) == [("month", 80)]
    for _ in range(5):
        assert _check(selling).status_code == 200
    assert _alerts(selling) == [("month", 80), ("month", 100)]
    assert _check(selling, cost=27).status_code == 200
    assert _check(selling).status_code == 429
    assert _alerts(selling) == [("hard", 80), ("hard", 100), ("month", 80), ("month", 100)]
    selling.call("POST", "/v1/test-clock", json={"advance_to": "2026-03-01T10:00:00Z"})
    assert _check(selling, cost=8).status_code == 200
    assert _alerts(selling).count(("month", 80)) == 2


def test_a_lost_redis_loses_no_unit(selling: Server) -> None:
    """Emptied between calls, the quota counts on."""
    url = selling.services.settings.redis_url
    for number in range(3):
        answer = _check(selling, cost=10)
        assert answer.json()["limits"][1]["used"] == 10 * (number + 1)
        if url:
            with Redis.from_url(url) as client:
                client.flushall()
    assert _check(selling, cost=11).status_code == 429


def test_who_is_told_what(selling: Server) -> None:
    """401 for no key, 403 for no plan, 404 for nobody, 429 with when to come again for a customer over the limit."""
    assert _check(selling, cost=41).status_code == 429
    refused = _check(selling, cost=41)
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["code"] == "rate_limited"
    assert selling.call("POST", "/v1/limits/check", key="", json={"customer": "ann"}).status_code == 401
    assert _check(selling, customer="bob").status_code == 403
    assert _check(selling, customer="nobody").status_code == 404


@pytest.mark.parametrize(
    ("meter", "detail"),
    [("nowhere", "does not exist"), ("deliveries", "sum")],
    ids=["no such meter", "a meter that counts"],
)
def test_a_meter_that_cannot_bill_is_refused(selling: Server, meter: str, detail: str) -> None:
    """When the plan is published, by its field."""
    answer = selling.call("POST", "/v1/plans", json=_plan([{**LIMITS[0], "meter": meter}]))
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]
    assert "rate_limits.0.meter" in answer.text


def test_the_routine_sweeps_what_has_ended(selling: Server) -> None:
    """A period's count goes a day after its end, by the tenant's clock and by the database's; the one that runs stays."""
    assert _check(selling, cost=3).status_code == 200
    first = selling.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-27T10:00:00Z"}).json()
    assert first["failed"] == []
    assert selling.call("GET", "/v1/limits?customer=ann").json()["limits"][0]["used"] == 3
    with selling.services.database.unit(selling.shop.scope) as unit:
        from billing.ratelimits.store import BucketStore  # noqa: PLC0415 (only here)

        store = BucketStore(unit)
        assert store.sweep(0) == 0
        assert store.sweep(2**60) >= 2
