"""Money over HTTP: previews, idempotent writes, explanations, and the test clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


def test_a_price_preview_shows_its_working(server: Server) -> None:
    """Five units over two free ones at 1.50 make 4.50, tier by tier, and nothing is stored."""
    tiers = [{"up_to": "2", "unit_price": "0"}, {"up_to": None, "unit_price": "1.50"}]
    charge = {"key": "d", "name": "Deliveries", "meter": "d", "price": {"model": "graduated", "tiers": tiers}}

    answer = server.call("POST", "/v1/pricing/preview", json={"charges": [{"charge": charge, "quantity": "5"}]}).json()

    assert answer["total"] == {"amount": "4.50", "currency": "EUR"}
    assert [step["quantity"] for step in answer["lines"][0]["trace"]] == ["2", "3"]


def test_a_plan_can_be_priced_with_quantities(server: Server) -> None:
    """Starter with five deliveries: 9.00 and 4.50."""
    body = {"plan": "starter", "quantities": {"deliveries": "5"}}

    assert server.call("POST", "/v1/pricing/preview", json=body).json()["total"]["amount"] == "13.50"


def test_a_wrong_charge_names_the_field(server: Server) -> None:
    """The problem says where in the document it is."""
    charge = {"key": "d", "name": "D", "price": {"model": "per_unit", "unit_price": 0.1}}

    answer = server.call("POST", "/v1/pricing/preview", json={"charges": [{"charge": charge}]})

    assert (answer.status_code, answer.json()["field"]) == (422, "price.unit_price")


def test_a_write_with_a_key_answers_the_same_again(server: Server) -> None:
    """One subscription is made; the same key with another body is refused."""
    headers = {"Idempotency-Key": "order-1"}
    body = {"customer": "ann", "plan": "starter"}
    first = server.call("POST", "/v1/subscriptions", json=body, headers=headers)
    again = server.call("POST", "/v1/subscriptions", json=body, headers=headers)
    other = server.call("POST", "/v1/subscriptions", json={**body, "plan": "plus"}, headers=headers)

    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert len(server.call("GET", "/v1/invoices").json()["items"]) == 1


def test_the_preview_the_change_and_the_invoice_agree(server: Server, subscribed: dict[str, Any]) -> None:
    """Line for line and cent for cent, and the explanation adds up to each line."""
    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-14T09:00:00Z"})
    path = f"/v1/subscriptions/{subscribed['id']}/change"
    shown = server.call("POST", path, json={"target": "plus", "preview": True}).json()
    done = server.call("POST", path, json={"target": "plus"}).json()
    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-03-05T09:00:00Z"})
    invoice = server.call("GET", "/v1/invoices").json()["items"][0]
    explained = server.call("GET", f"/v1/invoices/{invoice['id']}/explain").json()

    changes = [line for line in invoice["lines"] if line["kind"] == "change"]
    assert shown["lines"] == done["lines"]
    assert [line["amount"] for line in changes] == [line["amount"] for line in shown["lines"]]
    assert shown["total"]["amount"] == "5.00"
    assert [line["trace"] for line in explained["lines"]] == [line["trace"] for line in invoice["lines"]]
    assert all(line["version"] for line in explained["lines"])
    net = server.call("GET", "/v1/ledger/balances").json()["net"]
    assert net == [{"amount": "0.00", "currency": "EUR"}]


def test_the_clock_only_moves_forward(server: Server) -> None:
    """Going back is refused and says what time it is."""
    answer = server.call("POST", "/v1/test-clock", json={"advance_to": "2025-01-01T00:00:00Z"})

    assert (answer.status_code, answer.json()["now"]) == (409, "2026-01-31T09:00:00Z")


def test_lists_continue_where_they_stopped(server: Server) -> None:
    """Two pages of one customer each, and then the end."""
    first = server.call("GET", "/v1/customers?limit=1").json()
    second = server.call("GET", f"/v1/customers?limit=1&cursor={first['next_cursor']}").json()

    assert [item["key"] for item in (*first["items"], *second["items"])] == ["ann", "bob"]
    assert second["next_cursor"] is None


def test_publishing_freezes_a_version_and_checks_its_parts(server: Server, subscribed: dict[str, Any]) -> None:
    """A new price reaches new customers only; a plan on an unknown meter or feature is refused by name."""
    plan = {
        "key": "starter",
        "name": "Starter",
        "currency": "EUR",
        "charges": [{"key": "fee", "name": "Fee", "price": {"model": "flat", "amount": "12.00"}}],
        "grants": {"deliveries": 3},
    }
    second = server.call("POST", "/v1/plans", json=plan).json()
    assert (second["version"], second["price"]["amount"]) == (2, "12.00")
    upcoming = server.call("GET", f"/v1/subscriptions/{subscribed['id']}/upcoming-invoice").json()
    assert upcoming["total"]["amount"] == "9.00"

    bad_feature = server.call("POST", "/v1/plans", json={**plan, "grants": {"flying": True}})
    bad_kind = server.call("POST", "/v1/plans", json={**plan, "grants": {"deliveries": True}})

    assert bad_feature.json()["feature"] == "flying"
    assert "whole number" in bad_kind.json()["detail"]


def test_a_line_lists_the_events_it_counted(server: Server, subscribed: dict[str, Any]) -> None:
    """Five deliveries page by page; one that arrives after the invoice is behind the correction, not behind the first line."""

    def deliver(number: int) -> None:
        event = {"id": f"e{number}", "source": "shop", "type": "delivery", "customer": "ann"}
        given = [{**event, "time": f"2026-02-1{number}T10:00:00Z"}]
        assert server.call("POST", "/v1/events", json=given).json()["accepted"] == 1

    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-20T09:00:00Z"})
    for number in range(5):
        deliver(number)
    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-03-02T12:00:00Z"})
    deliver(6)
    invoice = next(each for each in server.call("GET", "/v1/invoices").json()["items"] if len(each["lines"]) > 1)
    line = next(each for each in invoice["lines"] if each["kind"] == "usage")

    seen, cursor = [], None
    while True:
        page = server.call("GET", line["events"], params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"e{number}" for number in range(5)]
    assert line["quantity"] == "5"
    fee = next(place for place, each in enumerate(invoice["lines"], start=1) if each["kind"] == "recurring")
    assert invoice["lines"][fee - 1]["events"] is None
    assert server.call("GET", f"/v1/invoices/{invoice['id']}/lines/{fee}/events").json()["items"] == []
    missing = server.call("GET", f"/v1/invoices/{invoice['id']}/lines/99/events")
    assert (missing.status_code, missing.json()["code"]) == (404, "invoice_line_not_found")
