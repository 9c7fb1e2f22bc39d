"""Coupons, the seller's profile, tax rules, plan terms and customers' tax data over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

COUPON = {"key": "spring", "name": "Spring", "percent": "25", "duration": {"periods": 2}, "max_redemptions": 1}
RULE = {"country": "DE", "rate_key": "vat", "percent": "7", "tax_class": "books", "valid_from": "2026-01-01T00:00:00Z"}


def test_a_coupon_from_offer_to_removal(server: Server, subscribed: dict[str, Any]) -> None:
    """Offered, redeemed once, refused twice, taken off, archived; the offer counts."""
    path = f"/v1/subscriptions/{subscribed['id']}/coupons"
    assert server.call("POST", "/v1/coupons", json=COUPON).status_code == 201
    taken = server.call("POST", "/v1/coupons", json=COUPON)
    redeemed = server.call("POST", path, json={"coupon": "spring"})
    again = server.call("POST", path, json={"coupon": "spring"})
    held = server.call("GET", path).json()["items"]
    ended = server.call("DELETE", f"{path}/{redeemed.json()['id']}").json()
    archived = server.call("POST", "/v1/coupons/spring/archive").json()

    assert (taken.status_code, taken.json()["code"]) == (409, "coupon_key_taken")
    assert (redeemed.status_code, redeemed.json()["worth"]) == (201, "25 % off")
    assert (again.status_code, again.json()["code"]) == (409, "coupon_refused")
    assert [each["id"] for each in held] == [redeemed.json()["id"]]
    assert ended["ended_at"] == "2026-01-31T09:00:00Z"
    assert (archived["redeemed"], archived["archived_at"]) == (1, "2026-01-31T09:00:00Z")
    assert server.call("GET", "/v1/coupons").json()["items"] == [archived]
    assert server.call("GET", "/v1/coupons/spring").json() == archived


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"percent": 25}, "percent"),
        ({"percent": "0"}, "percent"),
        ({"amount": "5"}, "amount"),
        ({"duration": {"weeks": 2}}, "duration"),
        ({"max_redemptions": 0}, "max_redemptions"),
        ({"redeem_by": "soon"}, "redeem_by"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_bad_coupon_names_the_field(server: Server, changed: dict[str, Any], field: str) -> None:
    """And is not offered."""
    answer = server.call("POST", "/v1/coupons", json={**COUPON, **changed})

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert server.call("GET", "/v1/coupons").json()["items"] == []


def test_a_profile_is_kept_in_its_short_form(server: Server) -> None:
    """Numbers lose their spaces, and the country is its code; another PUT replaces all of it."""
    profile = {
        "legal_name": "Bean GmbH",
        "country": "DE",
        "vat_id": "de 136 695 976",
        "iban": "DE89 3704 0044 0532 0130 00",
        "bic": "cobadeff",
        "email": " bills@bean.example",
        "language": "de",
        "taxes": True,
    }
    put = server.call("PUT", "/v1/profile", json=profile).json()

    assert (put["vat_id"], put["iban"], put["bic"]) == ("DE136695976", "DE89370400440532013000", "COBADEFF")
    assert put["email"] == "bills@bean.example"
    assert server.call("GET", "/v1/profile").json() == put
    assert server.call("PUT", "/v1/profile", json={"country": "UK"}).json()["country"] == "GB"
    assert server.call("GET", "/v1/profile").json()["legal_name"] == ""


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"taxes": True}, "country"),
        ({"country": "de"}, None),
        ({"country": "12"}, "country"),
        ({"vat_id": "DE136695977", "country": "DE"}, "vat_id"),
        ({"iban": "DE89370400440532013001"}, "iban"),
        ({"bic": "COBA"}, "bic"),
        ({"email": "bean.example"}, "email"),
        ({"language": "tlh"}, "language"),
        ({"payment_terms_days": 366}, "payment_terms_days"),
        ({"exempt": True, "oss": True}, "oss"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(server: Server, changed: dict[str, Any], field: str | None) -> None:
    """With the field that is wrong; what can be understood is."""
    answer = server.call("PUT", "/v1/profile", json=changed)

    assert (answer.status_code, answer.json().get("field")) == ((200, None) if field is None else (422, field))


def test_two_rates_never_hold_at_once(server: Server) -> None:
    """The second is refused until the first is gone or ends before it; a region or class of its own is another matter."""
    first = server.call("POST", "/v1/tax-rules", json=RULE).json()
    later = {**RULE, "valid_from": "2026-07-01T00:00:00Z"}
    refused = server.call("POST", "/v1/tax-rules", json=later)
    region = server.call("POST", "/v1/tax-rules", json={**RULE, "region": "helgoland", "percent": "0"})
    removed = server.call("DELETE", f"/v1/tax-rules/{first['id']}")
    until = server.call("POST", "/v1/tax-rules", json={**RULE, "valid_to": "2026-07-01T00:00:00Z"})
    after = server.call("POST", "/v1/tax-rules", json=later)

    assert (refused.status_code, refused.json()["code"]) == (409, "tax_rule_overlap")
    assert refused.json()["tax_rule"] == first["id"]
    assert [each.status_code for each in (region, removed, until, after)] == [201, 200, 201, 201]
    assert len(server.call("GET", "/v1/tax-rules").json()["items"]) == 3
    assert server.call("POST", "/v1/tax-rules", json={**RULE, "country": "99"}).json()["field"] == "country"


def test_customers_tax_data_changes_by_parts(server: Server) -> None:
    """A PATCH leaves the rest; a number of another country, a wrong address or zone is refused and changes nothing."""
    body = {"key": "firm", "country": "Austria", "tax_id": "U13585627", "is_business": True, "region": "Tirol"}
    made = server.call("POST", "/v1/customers", json=body).json()
    path = "/v1/customers/firm"
    changed = server.call("PATCH", path, json={"address": {"city": "Wien"}, "email": "a@firm.example"}).json()

    assert (made["tax_id"], made["country"]) == ("ATU13585627", "Austria")
    assert changed == {**made, "address": {"city": "Wien"}, "email": "a@firm.example"}
    for wrong, field in (
        ({"country": "DE"}, "tax_id"),
        ({"tax_id": "ATU13585626"}, "tax_id"),
        ({"email": "nobody"}, "email"),
    ):
        answer = server.call("PATCH", path, json=wrong)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert server.call("PATCH", path, json={"zone": "Mars/Base"}).status_code == 422
    assert server.call("GET", path).json() == changed
    moved = server.call("PATCH", path, json={"country": "Germany", "tax_id": "", "is_business": False}).json()
    assert (moved["country"], moved["tax_id"], moved["address"]) == ("Germany", "", {"city": "Wien"})
    assert server.call("PATCH", "/v1/customers/nobody", json={"name": "x"}).status_code == 404


def test_terms_of_a_plan_come_back(server: Server) -> None:
    """As published, and bad ones name the field by its path."""
    fee = {"key": "fee", "name": "Fee", "price": {"model": "flat", "amount": "10"}}
    plan = {"key": "club", "name": "Club", "currency": "EUR", "charges": [fee]}
    terms = {"trial_days": 14, "minimum": "5", "tax_inclusive": True}
    made = server.call("POST", "/v1/plans", json={**plan, "terms": terms})
    bad = server.call("POST", "/v1/plans", json={**plan, "terms": {"phases": [{"name": "a", "periods": 0}]}})

    assert (made.status_code, made.json()["terms"]) == (201, terms)
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_terms")
    assert bad.json()["field"].startswith("phases.0.")
