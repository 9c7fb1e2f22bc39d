"""Bundles over HTTP: the shop's policy, a quote, its acceptance, and the invoice that names the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

ITEMS = ["beans", {"item": "mug", "quantity": 2}, {"addon": "tasting_box"}]


def _quoted(server: Server, **more: Any) -> Any:
    return server.call("POST", "/v1/bundles/quotes", json={"customer": "ann", "items": ITEMS, **more})


def _eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def _stocked(server: Server) -> None:
    products = [
        {"key": "beans", "name": "Beans", "category": "food", "price": _eur("12.50"), "cost": _eur("4.00")},
        {"key": "mug", "name": "Mug", "category": "ware", "price": _eur("7.99"), "cost": _eur("3.00")},
    ]
    assert server.call("POST", "/v1/products", json=products).status_code == 201


def test_a_bundle_from_quote_to_invoice(server: Server, subscribed: dict[str, Any]) -> None:
    """Costs of the add-on are unknown, so the discount is held to 5 %; the invoice's line is the quote, and the parts add up to it."""
    _stocked(server)
    quote = _quoted(server)
    assert quote.status_code == 201, quote.text
    assert quote.json()["margin_rule"] == "costs unknown: discount held to 5 %"
    accepted = server.call("POST", f"/v1/bundles/quotes/{quote.json()['id']}/accept").json()
    invoice = server.call("GET", f"/v1/invoices/{accepted['invoice']}").json()

    assert len(invoice["lines"]) == 1
    assert invoice["total"] == quote.json()["total"]
    shares = sum(round(100 * float(part["price"]["amount"])) for part in quote.json()["parts"])
    assert shares == round(100 * float(invoice["total"]["amount"]))
    held = server.call("GET", f"/v1/subscriptions/{subscribed['id']}").json()
    assert "tasting_box" in str(held["addons"])
    again = server.call("POST", f"/v1/bundles/quotes/{quote.json()['id']}/accept")
    assert again.status_code == 409
    assert _quoted(server).json()["code"] == "bundle_part_owned"
    pdf = server.call("GET", f"/v1/invoices/{accepted['invoice']}.pdf")
    assert pdf.content.startswith(b"%PDF")


def test_the_policy_is_kept_and_quotes_follow_it(server: Server, subscribed: dict[str, Any]) -> None:
    """Nothing off at all from now on; a quote taken with the next invoice waits for it."""
    assert subscribed["id"]
    _stocked(server)
    assert server.call("GET", "/v1/bundles/policy").json()["discount_bps"] == 1_000
    server.call("PUT", "/v1/bundles/policy", json={"discount_bps": 0, "tax_classes": {"food": "reduced"}})
    assert server.call("GET", "/v1/bundles/policy").json()["tax_classes"] == {"food": "reduced"}
    quote = _quoted(server, items=["beans", "mug"]).json()
    assert quote["discount"]["amount"] == "0.00"
    waiting = server.call("POST", f"/v1/bundles/quotes/{quote['id']}/accept", json={"invoice": "next"}).json()
    assert (waiting["invoice"], bool(waiting["accepted_at"])) == (None, True)
    upcoming = server.call("GET", f"/v1/subscriptions/{subscribed['id']}/upcoming-invoice").json()
    assert sum(line["kind"] == "bundle" for line in upcoming["lines"]) == 2  # tax classes differ, and taxes may come


def test_what_is_no_bundle_is_refused_by_name(server: Server, subscribed: dict[str, Any]) -> None:
    """One part, an unknown product, both names at once, an unknown quote."""
    assert subscribed["id"]
    _stocked(server)
    for items, code in (
        (["beans"], "invalid_bundle"),
        (["beans", "nothing"], "bundle_part_gone"),
        (["beans", {"item": "mug", "addon": "tasting_box"}], "invalid_bundle"),
        (["beans", {"addon": "nothing"}], "plan_not_found"),
    ):
        assert _quoted(server, items=items).json()["code"] == code, items
    assert server.call("POST", "/v1/bundles/quotes/bqu_0/accept").json()["code"] == "bundle_quote_not_found"
