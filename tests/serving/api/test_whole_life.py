"""The whole life of a subscription over the API, by a test clock: trial, upgrade, late usage, a failed payment, recovery, cancellation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


def _advance(server: Server, to: str) -> dict[str, Any]:
    answer = server.call("POST", "/v1/test-clock", json={"advance_to": to})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["failed"] == []
    return found


def _method(server: Server, token: str) -> None:
    answer = server.call("POST", "/v1/customers/ann/payment-methods", json={"token": token, "default": True})
    assert answer.status_code == 201, answer.text


def _delivered(server: Server, event: str, at: str) -> None:
    body = [{"id": event, "source": "shop", "type": "delivery", "customer": "ann", "time": at}]
    assert server.call("POST", "/v1/events", json=body).json()["accepted"] == 1


def _invoices(server: Server) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = server.call("GET", "/v1/invoices").json()["items"]
    return sorted(items, key=lambda invoice: invoice["id"])


def _may_use(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.call(
        "POST", "/v1/access/check", json={"customer": "ann", "feature": "deliveries"}
    ).json()
    return found


def test_a_whole_life(server: Server) -> None:
    """Nothing is paid in the trial; each step bills what it should; the books are whole at the end."""
    _method(server, "pm_ok.first")
    begun = server.call(
        "POST", "/v1/subscriptions", json={"customer": "ann", "plan": "starter", "trial_days": 14}
    ).json()
    path = f"/v1/subscriptions/{begun['id']}"
    assert (begun["status"], _invoices(server), _may_use(server)["allowed"]) == ("trialing", [], True)

    coming = server.call("GET", "/v1/test-clock/upcoming", params={"until": "2026-03-20T00:00:00Z"}).json()["items"]
    assert [step["what"] for step in coming][:3] == ["invoice_drafted", "invoice_issued", "subscription_activated"]
    assert {step["amount"]["amount"] for step in coming if step["what"] == "invoice_issued"} == {"9.00"}

    _advance(server, "2026-02-14T10:00:00Z")
    (first,) = _invoices(server)
    assert (first["status"], first["total"]["amount"]) == ("paid", "9.00")

    _advance(server, "2026-02-28T09:00:00Z")
    changed = server.call("POST", f"{path}/change", json={"target": "plus"}).json()
    assert changed["total"]["amount"] == "5.00"

    _method(server, "pm_insufficient_then_ok.second")
    done = _advance(server, "2026-03-15T10:00:00Z")
    second = _invoices(server)[1]
    assert (done["payments_declined"], second["status"], second["total"]["amount"]) == (1, "issued", "24.00")
    assert _may_use(server)["allowed"], "past due is not revoked"

    done = _advance(server, "2026-03-18T10:00:00Z")
    assert (done["payments_succeeded"], _invoices(server)[1]["status"]) == (1, "paid")

    for number in range(12):
        _delivered(server, f"late-{number}", "2026-03-01T12:00:00Z")
    _advance(server, "2026-04-15T10:00:00Z")
    third = _invoices(server)[2]
    adjusted = [line for line in third["lines"] if line["kind"] == "adjustment"]
    assert [(line["amount"]["amount"], line["corrects"]["invoice"]) for line in adjusted] == [
        ("2.00", second["number"])
    ]

    cancelled = server.call("POST", f"{path}/cancel", json={"when": "period_end"}).json()
    assert cancelled["status"] == "cancelling"
    _advance(server, "2026-06-01T00:00:00Z")
    assert server.call("GET", path).json()["status"] == "ended"
    assert not _may_use(server)["allowed"]
    assert {invoice["amount_due"]["amount"] for invoice in _invoices(server)} == {"0.00"}
    assert server.call("GET", "/v1/ledger/balances").json()["net"] == [{"amount": "0.00", "currency": "EUR"}]


def test_an_unpaid_invoice_outlasts_its_grace(server: Server) -> None:
    """A card that never works: seven days of grace, then the gate says why; a new card opens it again at once."""
    _method(server, "pm_declined.never")
    server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "starter"})
    _advance(server, "2026-02-02T09:00:00Z")
    assert _may_use(server)["allowed"]

    _advance(server, "2026-02-09T09:00:00Z")
    denied = _may_use(server)
    assert (denied["allowed"], denied["reason"]) == (False, "payment_overdue")

    _method(server, "pm_ok.new")
    _advance(server, "2026-02-09T10:00:00Z")
    assert _may_use(server)["allowed"]


def test_what_will_happen_names_retries_and_credits(server: Server) -> None:
    """A declined payment's next attempt, credits that end, and credits that come: each at its own instant."""
    _method(server, "pm_declined.card")
    server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "starter"})
    wallet = server.call("POST", "/v1/wallets", json={"customer": "bob", "currency": "EUR"}).json()["id"]
    grant = {"key": "g", "amount": "5.00", "paid": False, "expires_at": "2026-02-20T00:00:00Z"}
    assert server.call("POST", f"/v1/wallets/{wallet}/grants", json=grant).status_code == 201
    monthly = {"key": "r", "amount": "3.00", "interval": "month"}
    assert server.call("POST", f"/v1/wallets/{wallet}/recurring", json=monthly).status_code == 201
    _advance(server, "2026-02-01T10:00:00Z")

    coming = server.call("GET", "/v1/test-clock/upcoming").json()["items"]
    found = {step["what"]: step for step in coming}
    assert (found["payment_retried"]["customer"], found["payment_retried"]["amount"]["amount"]) == ("ann", "9.00")
    ending = next(step for step in coming if step["what"] == "credits_expired")
    assert (ending["at"], ending["amount"]["amount"]) == ("2026-02-20T00:00:00Z", "5.00")
    assert (ending["customer"], ending["subscription"]) == ("bob", None)
    assert found["credits_granted"]["amount"]["amount"] == "3.00"
    assert [step["at"] for step in coming] == sorted(step["at"] for step in coming)
