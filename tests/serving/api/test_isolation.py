"""Every route as nobody, as a browser, as the owner and as another tenant: what is not yours does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

OPEN = {"/health/live", "/health/ready", "/metrics"}
FOR_BROWSERS = {
    ("GET", "/v1/recommendations"),
    ("GET", "/v1/bundles"),
    ("GET", "/v1/customers/{key}/boxes/next"),
    ("POST", "/v1/customers/{key}/boxes/{period}/swap"),
    ("POST", "/v1/customers/{key}/boxes/{period}/ratings"),
    ("POST", "/v1/decisions"),
    ("POST", "/v1/decisions/{decision_id}/outcome"),
    ("GET", "/v1/customers/{key}/preferences"),
    ("PUT", "/v1/customers/{key}/preferences"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/feedback/ask"),
    ("POST", "/v1/feedback/ask"),
    ("GET", "/v1/customers/{key}/transparency"),
    ("PUT", "/v1/customers/{key}/profiling"),
}


NAMES_OF_ANYBODYS = (
    "/v1/plans",
    "/v1/segments/{key}",
    "/v1/items",
    "/v1/models/{task}",
    "/v1/offers/killed",
    "/v1/boxes/plans",
    "/v1/boxes/shelves",
)


def _api_routes(server: Server) -> list[tuple[str, str]]:
    paths = server.client.get("/openapi.json").json()["paths"]
    found = [
        (method.upper(), path) for path in sorted(paths) if path.startswith("/v1") for method in sorted(paths[path])
    ]
    assert len(found) > 30
    return found


def _filled(path: str, server: Server, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace("{" + name + "}", value)
    assert "{" not in path, path
    return path


def _owned(server: Server, subscribed: dict[str, Any]) -> dict[str, str]:
    invoice = server.call("GET", "/v1/invoices").json()["items"][0]
    decision = server.call("POST", "/v1/decisions", json={"customer": "ann"}).json()
    keys = server.call("GET", "/v1/api-keys").json()["items"]
    method = server.call("POST", "/v1/customers/ann/payment-methods", json={"token": "pm_ok"}).json()
    server.call("POST", f"/v1/invoices/{invoice['id']}/attempts")
    payment = server.call("GET", "/v1/payments").json()["items"][0]
    endpoint = server.call("POST", "/v1/webhook-endpoints", json=BODIES["/v1/webhook-endpoints"]).json()
    return {
        "endpoint_id": endpoint["id"],
        "delivery_id": server.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/test").json()["id"],
        "subscription_id": subscribed["id"],
        "invoice_id": invoice["id"],
        "decision_id": decision["decision_id"],
        "key_id": keys[-1]["id"],
        "method_id": method["id"],
        "payment_id": payment["id"],
        "run_id": server.call("POST", "/v1/training/runs", json={"tasks": ["bundles"]}).json()["items"][0]["id"],
        "task": "bundles",
        "version": "v0001",
        "tenant_id": server.shop.opened.tenant.id,
        "key": "ann",
        "rule": server.call("POST", "/v1/segments/rules", json=BODIES["/v1/segments/rules"]).json()["key"],
        "feature": "deliveries",
        "addon": "tasting_box",
        "plan": "starter",
        "rule_id": "txr_1",
        "bundle_quote_id": "bqu_1",
        "period": "2026-12",
        "wallet_id": server.call("POST", "/v1/wallets", json=BODIES["/v1/wallets"]).json()["id"],
        "top_up_id": "wtu_1",
        "redemption_id": "red_1",
        "line": "770011",
        "item": "espresso",
        "experiment": server.call("POST", "/v1/experiments", json=BODIES["/v1/experiments"]).json()["key"],
        "switch": "intent",
        "export_id": "exp_1",
        "mailing_id": "mlg_1",
        "channel": "pigeons",
        "purpose": "fun",
        "hold_id": server.call("POST", "/v1/access/holds", json=BODIES["/v1/access/holds"]).json()["id"],
        "note_id": server.call("POST", "/v1/credit-notes", json={"invoice": invoice["id"], "amount": "1.00"}).json()[
            "id"
        ],
    }


@pytest.fixture
def ids(server: Server, subscribed: dict[str, Any]) -> dict[str, str]:
    """Names of things that belong to the first tenant."""
    return _owned(server, subscribed)


_PLANNED = {"arms": [{"key": "control"}, {"key": "warm"}], "primary": {"key": "conversion"}}
BODIES: dict[str, Any] = {
    "/v1/experiments": {"key": "greeting", **_PLANNED},
    "/v1/experiments/plan": {"baseline": 0.05, "lift": 0.1},
    "/v1/experiments/{experiment}": _PLANNED,
    "/v1/experiments/{experiment}/pause": {"why": "a holiday"},
    "/v1/experiments/{experiment}/stop": {"why": "enough"},
    "/v1/experiments/{experiment}/coverage": {"coverage": 1},
    "/v1/experiments/{experiment}/decide": {"arm": "control", "why": "as planned"},
    "/v1/experiments/{experiment}/exposures": {"exposures": [{"customer": "ann"}]},
    "/v1/boxes/plans/{key}": {"slots": 3},
    "/v1/boxes/shelves/{period}": {"cut_off": "2027-01-01T00:00:00Z", "items": [{"item": "beans", "stock": 1}]},
    "/v1/boxes/choose": {"period": "2026-12"},
    "/v1/customers/{key}/boxes/{period}/swap": {"out": "beans", "into": "mug"},
    "/v1/customers/{key}/boxes/{period}/ratings": {"item": "beans", "liked": True},
    "/v1/bundles/quotes": {"customer": "ann", "items": ["beans", "mug"]},
    "/v1/bundles/policy": {"discount_bps": 500},
    "/v1/subscriptions": {"customer": "ann", "plan": "starter"},
    "/v1/subscriptions/{subscription_id}/change": {"target": "plus"},
    "/v1/subscriptions/{subscription_id}/pause": {"when": "now"},
    "/v1/subscriptions/{subscription_id}/resume": {},
    "/v1/subscriptions/{subscription_id}/cancel": {},
    "/v1/subscriptions/{subscription_id}/pricing-facts": {"segments": ["gold"]},
    "/v1/plans/{plan}/migrate": {"to": 1},
    "/v1/subscriptions/{subscription_id}/quotes": {"target": "plus"},
    "/v1/invoices/{invoice_id}/payments": {"reference": "r-1"},
    "/v1/customers/{key}/payment-methods": {"token": "pm_ok"},
    "/v1/payments/{payment_id}/refunds": {"refunded_total": "1.00"},
    "/v1/decisions": {"customer": "ann"},
    "/v1/decisions/{decision_id}/outcome": {"kind": "impression"},
    "/v1/access/check": {"customer": "ann", "feature": "deliveries"},
    "/v1/tenants": {"name": "Client", "currency": "EUR"},
    "/v1/api-keys": {"kind": "secret"},
    "/v1/test-clock": {"advance_to": "2026-02-01T00:00:00Z"},
    "/v1/customers": {"key": "zoe"},
    "/v1/customers/{key}": {"name": "Ann"},
    "/v1/meters": {"key": "m", "name": "M", "event_type": "m"},
    "/v1/features": {"key": "f", "name": "F", "kind": "boolean"},
    "/v1/plans": {"key": "p", "name": "P", "currency": "EUR"},
    "/v1/addons": {"key": "a", "name": "A", "currency": "EUR"},
    "/v1/products": [],
    "/v1/offers/policy": {},
    "/v1/items/{item}/attributes": {"attributes": {"diet": ["vegan"]}},
    "/v1/customers/{key}/preferences": {"preferences": [{"kind": "never", "key": "allergens", "value": "nuts"}]},
    "/v1/purchases": [],
    "/v1/feedback": {"customer": "ann", "rating": 4},
    "/v1/feedback/ask": {"customer": "ann"},
    "/v1/customers/{key}/profiling": {"allowed": False},
    "/v1/signals/settings": {"denials": 2},
    "/v1/signals/incident": {"note": "down"},
    "/v1/events": [],
    "/v1/pricing/preview": {},
    "/v1/coupons": {"key": "c", "name": "C", "percent": "10"},
    "/v1/subscriptions/{subscription_id}/coupons": {"coupon": "c"},
    "/v1/profile": {},
    "/v1/wallets": {"customer": "ann", "currency": "EUR"},
    "/v1/wallets/{wallet_id}/grants": {"key": "g", "amount": "1.00", "paid": True},
    "/v1/wallets/{wallet_id}/recurring": {"key": "r", "amount": "1.00"},
    "/v1/wallets/{wallet_id}/top-up-rule": {"threshold": "1.00", "amount": "5.00"},
    "/v1/wallets/{wallet_id}/low-balance": {"amount": "1.00"},
    "/v1/wallets/{wallet_id}/rate": {"rate": "2"},
    "/v1/webhook-endpoints": {"url": "https://shop.example/hooks"},
    "/v1/webhook-endpoints/{endpoint_id}": {"enabled": False},
    "/v1/webhook-endpoints/{endpoint_id}/replay": {"since": "2026-01-01T00:00:00Z"},
    "/v1/customers/{key}/overrides/{feature}": {"value": 5, "reason": "a gift"},
    "/v1/customers/{key}/trials/{feature}": {"value": True, "days": 7, "reason": "a taste"},
    "/v1/access/holds": {"customer": "ann", "feature": "deliveries", "key": "h"},
    "/v1/access/holds/{hold_id}/commit": {},
    "/v1/credit-notes": {"invoice": "INV-000001"},
    "/v1/credit-notes/preview": {"invoice": "INV-000001"},
    "/v1/segments/{key}/exports": {},
    "/v1/segments/{key}/mail/sample": {"customer": "ann"},
    "/v1/customers/{key}/suppressions": {"reason": "bounced"},
    "/v1/segments/rules": {"key": "regulars", "name": "Regulars", "rule": {"consent": "marketing"}},
    "/v1/models/{task}/rollback": {"reason": "odd"},
    "/v1/models/{task}/promote": {"version": "v0001", "reason": "by eye"},
    "/v1/training/runs": {"tasks": ["bundles"]},
    "/v1/training/settings": {"hour": 4},
    "/v1/tax-rules": {"country": "DE", "rate_key": "r", "percent": "7", "valid_from": "2026-01-01T00:00:00Z"},
}


def _options(path: str) -> dict[str, Any]:
    return {"json": BODIES[path]} if path in BODIES else {}


def test_nobody_gets_anything(server: Server, ids: dict[str, str]) -> None:
    """Without a key, with a broken one or with another installation's, each route answers 401 and nothing else."""
    stranger = server.shop.opened.secret_key[:-1] + ("0" if server.shop.opened.secret_key[-1] != "0" else "1")
    for method, path in _api_routes(server):
        for key in ("", "nonsense", "upt_sk_nobody_00", stranger):
            answer = server.call(method, _filled(path, server, ids), key=key, **_options(path))
            assert answer.status_code == 401, (method, path, key, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] == "unauthorized"


def test_a_browser_key_opens_what_a_storefront_needs_and_no_more(server: Server, ids: dict[str, str]) -> None:
    """A publishable key from its own page is refused everywhere but where the storefront needs it, and there asks for a token."""
    headers = {"Origin": "https://shop.example"}
    for method, path in _api_routes(server):
        answer = server.call(
            method,
            _filled(path, server, ids),
            key=server.shop.opened.publishable_key,
            headers=headers,
            **_options(path),
        )
        if (method, path) in FOR_BROWSERS:
            assert answer.json()["code"] == "bad_customer_token", (method, path, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path, answer.text)


def test_a_browser_key_is_bound_to_its_pages(server: Server) -> None:
    """From another origin, or from none, a publishable key is refused before anything else is looked at."""
    for headers in ({"Origin": "https://evil.example"}, {}):
        answer = server.call("GET", "/v1/recommendations", key=server.shop.opened.publishable_key, headers=headers)
        assert answer.json()["code"] == "origin_not_allowed"


def test_what_belongs_to_another_tenant_does_not_exist(server: Server, ids: dict[str, str]) -> None:
    """Each route that names a thing answers the other tenant with 404, and changes nothing."""
    before = server.call("GET", f"/v1/subscriptions/{ids['subscription_id']}").json()
    for method, path in _api_routes(server):
        if "{" not in path or path.startswith(NAMES_OF_ANYBODYS):
            continue
        answer = server.call(method, _filled(path, server, ids), key=server.other.opened.secret_key, **_options(path))
        assert answer.status_code == 404, (method, path, answer.text)
    assert server.call("GET", f"/v1/subscriptions/{ids['subscription_id']}").json() == before


def test_lists_hold_the_owners_things_alone(server: Server, ids: dict[str, str]) -> None:
    """No list of one tenant ever names anything of the other."""
    lists = "customers subscriptions invoices tenants api-keys segments segments/rules webhook-endpoints"
    for path in (f"/v1/{name}" for name in lists.split()):
        text = server.call("GET", path, key=server.other.opened.secret_key).text
        for name, value in ids.items():
            assert value not in text or name == "key", (path, name)
        assert '"ann"' not in text


def test_naming_another_tenants_customer_in_a_body_is_refused(server: Server, subscribed: dict[str, Any]) -> None:
    """Checks, decisions, subscriptions and events about a customer of somebody else find nobody."""
    key = server.other.opened.secret_key
    for path in ("/v1/access/check", "/v1/decisions", "/v1/subscriptions"):
        answer = server.call("POST", path, key=key, json=BODIES[path])
        assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found"), path
    event = {"id": "1", "type": "delivery", "customer": "ann"}
    assert (
        server.call("POST", "/v1/events", key=key, json=[event]).json()["rejected"][0]["code"] == "customer_not_found"
    )


def test_a_reseller_sees_its_clients_and_clients_have_none(server: Server) -> None:
    """A client is listed to its reseller only, and a third level is refused."""
    made = server.call("POST", "/v1/tenants", json=BODIES["/v1/tenants"]).json()
    listed = server.call("GET", "/v1/tenants").json()["items"]
    assert made["id"] in [tenant["id"] for tenant in listed]
    assert made["id"] not in server.call("GET", "/v1/tenants", key=server.other.opened.secret_key).text

    refused = server.call("POST", "/v1/tenants", key=made["secret_key"], json=BODIES["/v1/tenants"])

    assert (refused.status_code, refused.json()["code"]) == (409, "tenant_depth")
    assert server.call("GET", "/v1/customers/ann", key=made["secret_key"]).status_code == 404


def test_a_revoked_key_is_nobody(server: Server) -> None:
    """From the moment it is revoked."""
    made = server.call("POST", "/v1/api-keys", json={"kind": "secret"}).json()["key"]
    assert server.call("GET", "/v1/plans", key=made).status_code == 200
    newest = server.call("GET", "/v1/api-keys").json()["items"][-1]["id"]

    assert server.call("DELETE", f"/v1/api-keys/{newest}").status_code == 204

    assert server.call("GET", "/v1/plans", key=made).status_code == 401
