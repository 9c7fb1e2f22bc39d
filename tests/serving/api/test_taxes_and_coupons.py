"""Coupons, taxes and customers' tax data over HTTP, down to invoices whose totals are computed by hand here. Plus is 19.00 a month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

GERMAN_SHOP = {"legal_name": "Bean Street GmbH", "country": "DE", "taxes": True}


def _taxed(server: Server, **buyer: Any) -> None:
    """The shop sells from Germany, and ann is who the case says."""
    assert server.call("PUT", "/v1/profile", json=GERMAN_SHOP).status_code == 200
    if buyer:
        answer = server.call("PATCH", "/v1/customers/ann", json=buyer)
        assert answer.status_code == 200, answer.text


def _subscribed(server: Server, plan: str = "plus") -> str:
    made = server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": plan}).json()
    return str(made["id"])


def _until(server: Server, moment: str) -> list[dict[str, Any]]:
    """Ann's issued invoices by then, oldest first."""
    done = server.call("POST", "/v1/test-clock", json={"advance_to": moment}).json()
    assert done["failed"] == []
    items = server.call("GET", "/v1/invoices").json()["items"]
    return sorted((each for each in items if each["number"]), key=lambda each: str(each["number"]))


def _sums(invoice: dict[str, Any]) -> tuple[str, str, str]:
    return tuple(invoice[name]["amount"] for name in ("net", "tax", "total"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("buyer", "sums", "note"),
    [
        ({"country": "Germany"}, ("19.00", "3.61", "22.61"), ""),
        ({"country": "Narnia"}, ("19.00", "3.61", "22.61"), ""),
        ({"country": "FR"}, ("19.00", "3.61", "22.61"), ""),
        (
            {"country": "FR", "tax_id": "FR40303265045", "is_business": True},
            ("19.00", "0.00", "19.00"),
            "Reverse charge",
        ),
        ({"country": "USA"}, ("19.00", "0.00", "19.00"), "outside the seller's tax territory"),
    ],
)
def test_who_buys_decides_the_tax(server: Server, buyer: dict[str, Any], sums: tuple[str, str, str], note: str) -> None:
    """At home and to consumers in the Union 19 %, to a firm elsewhere in the Union by reverse charge, outside none."""
    _taxed(server, **buyer)
    _subscribed(server)
    (invoice,) = _until(server, "2026-02-02T00:00:00Z")
    assert _sums(invoice) == sums
    assert note in " ".join(invoice["summary"]["notes"])


def test_a_coupon_for_two_months_comes_off_before_the_tax(server: Server) -> None:
    """10 % off: 17.10 and 3.25 tax, twice; then 19.00 and 3.61. Each invoice says what the coupon took."""
    _taxed(server, country="DE")
    coupon = {"key": "spring", "name": "Spring", "percent": "10", "duration": {"periods": 2}}
    assert server.call("POST", "/v1/coupons", json=coupon).status_code == 201
    made = server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "plus", "coupons": ["spring"]})
    assert made.status_code == 201, made.text
    found = _until(server, "2026-04-15T00:00:00Z")
    assert [_sums(each) for each in found] == [
        ("17.10", "3.25", "20.35"),
        ("17.10", "3.25", "20.35"),
        ("19.00", "3.61", "22.61"),
    ]
    assert [each["summary"]["coupons"][0]["amount"]["amount"] for each in found[:2]] == ["1.90", "1.90"]


def test_a_coupon_that_does_not_fit_makes_no_subscription(server: Server) -> None:
    """It comes with the subscription or not at all."""
    answer = server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "plus", "coupons": ["nothing"]})
    assert answer.json()["code"] == "coupon_not_found"
    assert server.call("GET", "/v1/subscriptions").json()["items"] == []


def test_an_amount_is_for_its_plans_alone(server: Server) -> None:
    """Five euro off pro does not go onto plus; nor onto a subscription in another way twice."""
    coupon = {"key": "five", "name": "Five off", "amount": "5.00", "currency": "EUR", "plans": ["pro"]}
    server.call("POST", "/v1/coupons", json=coupon)
    path = f"/v1/subscriptions/{_subscribed(server)}/coupons"
    refused = server.call("POST", path, json={"coupon": "five"})
    assert (refused.status_code, refused.json()["code"]) == (409, "coupon_refused")
    assert "'five' is for pro" in refused.json()["detail"]


def test_limits_of_a_coupon_hold(server: Server) -> None:
    """Once a customer, also after it was taken off; and never twice on one subscription."""
    coupon = {"key": "once", "name": "Once", "percent": "50", "once_per_customer": True}
    server.call("POST", "/v1/coupons", json=coupon)
    path = f"/v1/subscriptions/{_subscribed(server)}/coupons"
    first = server.call("POST", path, json={"coupon": "once"}).json()
    assert "already" in server.call("POST", path, json={"coupon": "once"}).json()["detail"]
    assert server.call("DELETE", f"{path}/{first['id']}").json()["ended_at"] is not None
    assert "once a customer" in server.call("POST", path, json={"coupon": "once"}).json()["detail"]
    assert server.call("GET", "/v1/coupons/once").json()["redeemed"] == 1
    assert len(server.call("GET", path).json()["items"]) == 1


def test_an_archived_or_unknown_coupon_is_refused(server: Server) -> None:
    """Each with its own code."""
    path = f"/v1/subscriptions/{_subscribed(server)}/coupons"
    assert server.call("POST", path, json={"coupon": "nothing"}).json()["code"] == "coupon_not_found"
    server.call("POST", "/v1/coupons", json={"key": "old", "name": "Old", "percent": "5"})
    assert server.call("POST", "/v1/coupons/old/archive").json()["archived_at"] is not None
    assert server.call("POST", path, json={"coupon": "old"}).status_code in {404, 409}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"key": "k", "name": "K"}, "percent"),
        ({"key": "k", "name": "K", "percent": "101"}, "percent"),
        ({"key": "k", "name": "K", "percent": 0.1}, "percent"),
        ({"key": "k", "name": "K", "percent": "10", "surprise": 1}, "surprise"),
    ],
)
def test_a_coupon_that_is_wrong_names_its_field(server: Server, body: dict[str, Any], field: str) -> None:
    """And nothing is stored."""
    answer = server.call("POST", "/v1/coupons", json=body)
    assert answer.status_code == 422
    assert field in answer.text
    assert server.call("GET", "/v1/coupons").json()["items"] == []


def test_a_rule_of_the_shop_stands_before_the_table(server: Server) -> None:
    """Seven percent from the tenant's own rule; once it is removed, 19 again."""
    _taxed(server, country="DE")
    rule = {"country": "DE", "rate_key": "own", "percent": "7", "valid_from": "2026-01-01T00:00:00Z"}
    made = server.call("POST", "/v1/tax-rules", json=rule).json()
    _subscribed(server)
    (first,) = _until(server, "2026-02-02T00:00:00Z")
    assert _sums(first) == ("19.00", "1.33", "20.33")
    server.call("DELETE", f"/v1/tax-rules/{made['id']}")
    assert _sums(_until(server, "2026-03-05T00:00:00Z")[1]) == ("19.00", "3.61", "22.61")
    assert _sums(first) == ("19.00", "1.33", "20.33")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"country": "DE", "tax_id": "DE136695977"}, "invalid_tax_id"),
        ({"zone": "Mars/Olympus"}, "invalid"),
        ({"country": "GR", "tax_id": "FR40303265045"}, "invalid_tax_id"),
    ],
)
def test_what_cannot_be_is_refused_and_loses_nothing(server: Server, change: dict[str, Any], code: str) -> None:
    """A tax id with wrong check digits, a zone that is none, another country's number."""
    before = server.call("GET", "/v1/customers/ann").json()
    answer = server.call("PATCH", "/v1/customers/ann", json={**change, "name": "Changed"})
    assert answer.status_code == 422
    assert answer.json()["code"].startswith(code)
    assert server.call("GET", "/v1/customers/ann").json() == before


def test_a_change_leaves_what_it_does_not_name(server: Server) -> None:
    """A new address keeps the e-mail; a new zone moves the subscription's clock and keeps its period's end."""
    server.call("PATCH", "/v1/customers/ann", json={"email": "ann@archer.example", "consents": ["marketing"]})
    subscription = _subscribed(server)
    ends = server.call("GET", f"/v1/subscriptions/{subscription}").json()
    changed = server.call(
        "PATCH", "/v1/customers/ann", json={"address": {"city": "Hamburg"}, "zone": "Asia/Tokyo"}
    ).json()
    assert (changed["email"], changed["address"], changed["consents"], changed["zone"]) == (
        "ann@archer.example",
        {"city": "Hamburg"},
        ["marketing"],
        "Asia/Tokyo",
    )
    after = server.call("GET", f"/v1/subscriptions/{subscription}").json()
    assert {name for name in ends if ends[name] != after[name]} <= {"zone", "revision"}


@pytest.mark.parametrize(
    "wrong",
    [{"iban": "DE89370400440532013001"}, {"bic": "NOBANK"}, {"language": "tlh"}, {"vat_id": "DE1", "country": "DE"}],
)
def test_a_profile_with_a_wrong_number_is_refused(server: Server, wrong: dict[str, str]) -> None:
    """Money would go nowhere, or an invoice could not be written."""
    answer = server.call("PUT", "/v1/profile", json={**GERMAN_SHOP, **wrong})
    assert answer.status_code == 422
    assert server.call("GET", "/v1/profile").json()["legal_name"] == ""
