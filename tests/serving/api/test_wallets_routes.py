"""Wallets over HTTP: opened, filled, listed, explained, and refused with clear words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from billing.wallets.routine import check
from billing.wallets.spend import burn_for
from billing.wallets.topups.request import due_top_ups
from tests.billing.wallets.strategies import eur
from tests.shop import START

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

EUR = "EUR"


@pytest.fixture
def wallet(server: Server) -> dict[str, Any]:
    """Ann's wallet in euros, in which a credit is worth two."""
    body = {"customer": "ann", "currency": EUR, "rate": "2", "low_balance": "5.00"}
    answer = server.call("POST", "/v1/wallets", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _grant(server: Server, wallet: dict[str, Any], **body: Any) -> Any:
    return server.call("POST", f"/v1/wallets/{wallet['id']}/grants", json={"paid": True, **body})


def test_a_wallet_is_found_again_and_listed_with_its_balance(server: Server, wallet: dict[str, Any]) -> None:
    """Opening it twice is one wallet; credits count at its rate."""
    again = server.call("POST", "/v1/wallets", json={"customer": "ann", "currency": EUR}).json()
    assert again["id"] == wallet["id"]

    made = _grant(server, wallet, key="pack", credits="10")
    assert (made.status_code, made.json()["amount"]) == (201, {"amount": "20.00", "currency": EUR})

    listed = server.call("GET", "/v1/wallets", params={"customer": "ann"}).json()["items"]
    assert [(item["id"], item["customer"], item["balance"]["amount"]) for item in listed] == [
        (wallet["id"], "ann", "20.00")
    ]
    assert server.call("GET", "/v1/wallets", params={"customer": "bob"}).json()["items"] == []


def test_a_grant_is_made_once_for_its_key(server: Server, wallet: dict[str, Any]) -> None:
    """The same answer again; something else under the key is a conflict."""
    first = _grant(server, wallet, key="order", amount="10.00")

    assert _grant(server, wallet, key="order", amount="10.00").json()["id"] == first.json()["id"]
    other = _grant(server, wallet, key="order", amount="11.00")
    assert (other.status_code, other.json()["code"]) == (409, "grant_exists")


def test_the_history_comes_in_pages(server: Server, wallet: dict[str, Any]) -> None:
    """Newest first, every movement on exactly one page, and they add up to the balance."""
    for number in range(5):
        _grant(server, wallet, key=f"order-{number}", amount="1.00")
    with server.services.database.unit(server.shop.scope) as unit:
        customer = _customer_id(server)
        burn_for(unit, customer, "inv_1", eur(250), START)

    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = server.call("GET", f"/v1/wallets/{wallet['id']}/movements", params=params).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len({item["id"] for item in seen}) == len(seen) == 8
    assert [item["id"] for item in seen] == sorted((item["id"] for item in seen), reverse=True)
    assert {item["invoice"] for item in seen if item["kind"] == "burned"} == {"inv_1"}
    shown = server.call("GET", f"/v1/wallets/{wallet['id']}").json()
    moved = sum(Decimal(item["amount"]["amount"]) for item in seen)
    assert (shown["balance"]["amount"], moved) == ("2.50", Decimal("2.50"))
    with server.services.database.view(server.shop.scope) as unit:
        assert check(unit) == []


def _customer_id(server: Server) -> str:
    return str(server.call("GET", "/v1/customers/ann").json()["id"])


def test_a_top_up_is_asked_for_by_the_rule_and_confirmed(server: Server, wallet: dict[str, Any]) -> None:
    """Up to thirty when less than ten is left; then the wallet has it, and the rule can be taken away."""
    path = f"/v1/wallets/{wallet['id']}"
    rule = {"threshold": "10.00", "target": "30.00", "most_a_month": 2}
    shown = server.call("PUT", f"{path}/top-up-rule", json=rule).json()
    assert shown["top_up"]["target"]["amount"] == "30.00"
    with server.services.database.unit(server.shop.scope) as unit:
        due_top_ups(unit, START)
    (asked,) = server.call("GET", f"{path}/top-ups").json()["items"]

    paid = server.call("POST", f"{path}/top-ups/{asked['id']}/confirm").json()

    assert (asked["state"], paid["state"], paid["amount"]["amount"]) == ("requested", "paid", "30.00")
    assert server.call("GET", path).json()["balance"]["amount"] == "30.00"
    failed = server.call("POST", f"{path}/top-ups/{asked['id']}/fail", json={"code": "declined"})
    assert (failed.status_code, failed.json()["code"]) == (409, "top_up_state")
    assert server.call("DELETE", f"{path}/top-up-rule").json()["top_up"] is None


def test_a_recurring_grant_is_there_at_once_and_can_be_ended(server: Server, wallet: dict[str, Any]) -> None:
    """Its first period begins now; ended, nothing comes next."""
    path = f"/v1/wallets/{wallet['id']}/recurring"
    body = {"key": "plan", "amount": "10.00", "interval": "month", "keeps_most": "5.00"}
    made = server.call("POST", path, json=body).json()
    assert made["balance"]["amount"] == "10.00"
    assert made["recurring"][0]["keeps_most"]["amount"] == "5.00"

    assert server.call("DELETE", f"{path}/plan").json()["recurring"] == []
    assert server.call("DELETE", f"{path}/other").json()["code"] == "recurring_grant_not_found"


def test_the_rate_and_the_low_balance_can_be_changed(server: Server, wallet: dict[str, Any]) -> None:
    """Null takes them away; without a rate credits cannot be granted, and the answer says so."""
    path = f"/v1/wallets/{wallet['id']}"
    assert server.call("PUT", f"{path}/low-balance", json={"amount": None}).json()["low_balance"] is None
    assert server.call("PUT", f"{path}/rate", json={"rate": None}).json()["rate"] is None

    refused = _grant(server, wallet, key="pack", credits="10")

    assert (refused.status_code, refused.json()["field"]) == (422, "credits")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"key": "k"}, "invalid"),
        ({"key": "k", "amount": "1.00", "credits": "1"}, "invalid"),
        ({"key": "k", "amount": "0"}, "invalid_grant"),
        ({"key": "k", "amount": "-1"}, "invalid_grant"),
        ({"key": "k", "amount": "1.001"}, "invalid_money"),
        ({"key": "k", "amount": "1", "expires_at": "2020-01-01T00:00:00Z"}, "invalid_grant"),
        ({"key": "k", "amount": "1", "expires_at": "9999-12-31T23:59:59Z"}, "invalid_grant"),
        ({"key": "k", "credits": "1e-30"}, "invalid_grant"),
    ],
)
def test_a_grant_that_cannot_be_is_refused_in_words(
    server: Server, wallet: dict[str, Any], body: dict[str, Any], code: str
) -> None:
    """Neither or both of amount and credits, nothing, too many digits, an end that is past or beyond the calendar."""
    refused = _grant(server, wallet, **body)

    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert server.call("GET", f"/v1/wallets/{wallet['id']}").json()["balance"]["amount"] == "0.00"


def test_an_unlike_wallet_or_none_is_said_so(server: Server, wallet: dict[str, Any]) -> None:
    """Another overdraft is a conflict that names the wallet; an unknown one is not there; no currency is no currency."""
    unlike = server.call("POST", "/v1/wallets", json={"customer": "ann", "currency": EUR, "overdraft": "5.00"})
    assert (unlike.status_code, unlike.json()["code"], unlike.json()["wallet"]) == (409, "wallet_exists", wallet["id"])

    assert server.call("GET", "/v1/wallets/wal_none").json()["code"] == "wallet_not_found"
    for body in ({"currency": "EUR", "overdraft": "-1"}, {"currency": "XXX"}):
        assert server.call("POST", "/v1/wallets", json={"customer": "bob", **body}).status_code == 422


def test_time_ends_grants_and_asks_for_top_ups(server: Server, wallet: dict[str, Any]) -> None:
    """The clock goes on a month: the gift is gone on its day, the plan's credits came again, and money is asked for."""
    path = f"/v1/wallets/{wallet['id']}"
    _grant(server, wallet, key="gift", amount="10.00", paid=False, expires_at="2026-02-10T00:00:00Z")
    server.call("POST", f"{path}/recurring", json={"key": "plan", "amount": "3.00"})
    server.call("PUT", f"{path}/top-up-rule", json={"threshold": "5.00", "amount": "20.00"})

    moved = server.call("POST", "/v1/test-clock", json={"advance_to": "2026-03-05T09:00:00Z"})

    assert moved.status_code == 200, moved.text
    history = server.call("GET", f"{path}/movements").json()["items"]
    ended = [(item["at"], item["amount"]["amount"]) for item in history if item["kind"] == "expired"]
    assert ended == [("2026-02-28T09:00:00Z", "-3.00"), ("2026-02-10T00:00:00Z", "-10.00")]
    assert server.call("GET", path).json()["balance"]["amount"] == "3.00"
    (asked,) = server.call("GET", f"{path}/top-ups").json()["items"]
    assert (asked["requested_at"], asked["amount"]["amount"]) == ("2026-02-10T00:00:00Z", "20.00")
    with server.services.database.view(server.shop.scope) as unit:
        assert check(unit) == []
