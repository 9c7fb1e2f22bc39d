"""Payments over HTTP: saving a method, taking and giving back money once, and what a provider may tell us."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.payments.sandbox.provider import SandboxProvider
from billing.payments.sandbox.store import SandboxStore
from serving.payments import collect_for, provider_named
from tests.billing.payments.till import issue
from tests.shop import START

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


@pytest.fixture
def owed(server: Server) -> str:
    """An invoice of 9.00 EUR that ann has not paid."""
    with server.services.database.unit(server.shop.scope) as unit:
        version = CatalogStore(unit).latest("starter").id
        return issue(unit, CustomerStore(unit).get("ann").id, version, "9.00", at=START).id


def _save(server: Server, token: str, **options: Any) -> Any:
    return server.call("POST", "/v1/customers/ann/payment-methods", json={"token": token}, **options)


def _sandbox(server: Server) -> SandboxProvider:
    found = provider_named(server.services, "sandbox", server.shop.opened.tenant.id)
    assert isinstance(found, SandboxProvider)
    return found


def _deliver(server: Server, message: tuple[dict[str, str], bytes], *, tenant: str | None = None) -> Any:
    headers, body = message
    path = f"/v1/providers/sandbox/webhooks/{tenant or server.shop.opened.tenant.id}"
    return server.client.post(path, content=body, headers=headers)


def test_money_is_taken_and_given_back_once(server: Server, owed: str) -> None:
    """The same requests with their keys again move nothing; the answers tell how far it is."""
    assert _save(server, "pm_ok").json()["label"] == "Sandbox pm_ok"
    once = {"Idempotency-Key": "take-1"}
    taken = server.call("POST", f"/v1/invoices/{owed}/attempts", headers=once)
    again = server.call("POST", f"/v1/invoices/{owed}/attempts", headers=once)
    assert (taken.status_code, taken.json()["state"]) == (201, "succeeded")
    assert again.json() == taken.json()
    assert server.call("GET", f"/v1/invoices/{owed}").json()["status"] == "paid"
    (payment,) = server.call("GET", "/v1/payments", params={"invoice": owed}).json()["items"]

    path, body = f"/v1/payments/{payment['id']}/refunds", {"refunded_total": "2.50", "reason": "spilled"}
    first, repeated = server.call("POST", path, json=body), server.call("POST", path, json=body)

    assert (first.status_code, first.json()["state"]) == (201, "succeeded")
    assert repeated.json()["id"] == first.json()["id"]
    shown = server.call("GET", f"/v1/payments/{payment['id']}").json()
    assert shown["refunded"] == {"amount": "2.50", "currency": "EUR"}
    assert len(shown["refunds"]) == 1
    refused = server.call("POST", path, json={"refunded_total": "9.01"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_refund")


def test_a_part_that_was_paid_by_hand_leaves_the_rest_due(server: Server, owed: str) -> None:
    """The amount is optional; more than is due is refused, and the rest pays it."""
    path = f"/v1/invoices/{owed}/payments"
    part = server.call("POST", path, json={"reference": "till-1", "amount": "4.00"})
    assert (part.status_code, part.json()["status"], part.json()["amount_due"]["amount"]) == (
        201,
        "partly_paid",
        "5.00",
    )
    assert server.call("POST", path, json={"reference": "till-2", "amount": "5.01"}).json()["code"] == "overpaid"
    assert server.call("POST", path, json={"reference": "till-2"}).json()["status"] == "paid"


def test_a_decline_says_what_comes_next(server: Server, owed: str) -> None:
    """Why, when it is tried again, and how long access lasts."""
    _save(server, "pm_declined")
    declined = server.call("POST", f"/v1/invoices/{owed}/attempts").json()
    assert (declined["state"], declined["code"], declined["retryable"]) == ("declined", "card_declined", True)

    dunning = server.call("GET", f"/v1/invoices/{owed}/attempts").json()["dunning"]

    assert (dunning["state"], dunning["failures"]) == ("past_due", 1)
    assert dunning["next_attempt_at"] < dunning["access_until"]


def test_an_answer_that_was_lost_is_prepared_and_then_settled_by_the_worker(server: Server, owed: str) -> None:
    """Nothing is asked twice meanwhile."""
    _save(server, "pm_timeout_after_charge")
    assert server.call("POST", f"/v1/invoices/{owed}/attempts").json()["state"] == "prepared"
    assert server.call("POST", f"/v1/invoices/{owed}/attempts").json()["code"] == "attempt_open"

    later = server.services.clock.now() + timedelta(hours=1)
    assert collect_for(server.services, server.shop.scope, now=later).failed == []

    assert server.call("GET", f"/v1/invoices/{owed}").json()["status"] == "paid"


def test_methods_are_listed_chosen_and_removed(server: Server) -> None:
    """The newest is charged unless another is chosen; an unknown token is refused by name."""
    first, second = _save(server, "pm_ok").json(), _save(server, "pm_ok.visa").json()
    path = "/v1/customers/ann/payment-methods"
    assert [each["default"] for each in server.call("GET", path).json()["items"]] == [False, True]

    assert server.call("POST", f"/v1/payment-methods/{first['id']}/default").json()["default"]
    assert server.call("DELETE", f"/v1/payment-methods/{second['id']}").json()["removed_at"]

    assert [each["id"] for each in server.call("GET", path).json()["items"]] == [first["id"]]
    assert _save(server, "4242424242424242").json()["code"] == "payment_method_refused"
    assert server.call("POST", f"/v1/payment-methods/{second['id']}/default").status_code == 404


def test_a_provider_tells_what_happened_with_its_signature_alone(server: Server, owed: str) -> None:
    """Confirmed once; the same message again is answered and changes nothing; a dispute is listed."""
    _save(server, "pm_pending")
    attempt = server.call("POST", f"/v1/invoices/{owed}/attempts").json()
    assert (attempt["state"], attempt["code"]) == ("pending", "requires_action")
    now = server.services.clock.now()
    reference = _reference(server, attempt["id"])
    message = _sandbox(server).confirm(reference, at=now)

    assert [_deliver(server, message).json()["outcome"] for _ in range(2)] == ["taken", "repeated"]
    assert server.call("GET", f"/v1/invoices/{owed}").json()["status"] == "paid"
    _deliver(server, _sandbox(server).dispute(reference, "opened", at=now))
    (dispute,) = server.call("GET", "/v1/disputes", params={"state": "open"}).json()["items"]
    assert (dispute["amount"]["amount"], dispute["fee"]["amount"]) == ("9.00", "15.00")
    unknown = _sandbox(server).message("weather.changed", {}, at=now)
    assert (_deliver(server, unknown).status_code, _deliver(server, unknown).json()["outcome"]) == (200, "repeated")


def test_who_cannot_sign_learns_and_changes_nothing(server: Server, owed: str) -> None:
    """Another tenant's signature, an old message, an unknown tenant and no signature are all 401 alike; no provider is 404."""
    now = server.services.clock.now()
    message = _sandbox(server).message("weather.changed", {}, at=now)
    old = _sandbox(server).message("weather.changed", {}, at=now - timedelta(minutes=6))
    answers = [
        _deliver(server, message, tenant=server.other.opened.tenant.id),
        _deliver(server, message, tenant="ten_00000000000000000000000000"),
        _deliver(server, message, tenant="nobody"),
        _deliver(server, old),
        _deliver(server, ({}, message[1])),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "bad_signature")}
    stripe = server.client.post(f"/v1/providers/stripe/webhooks/{server.shop.opened.tenant.id}", content=b"{}")
    assert (stripe.status_code, stripe.json()["code"]) == (404, "provider_not_found")
    assert server.call("GET", f"/v1/invoices/{owed}").json()["status"] == "issued"


def _reference(server: Server, attempt_id: str) -> str:
    """The sandbox's name for what an attempt asked."""
    with server.services.database.view(server.shop.scope) as unit:
        found = SandboxStore(unit).by_key(attempt_id)
    assert found is not None
    return found.id
