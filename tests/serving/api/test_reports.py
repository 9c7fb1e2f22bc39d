"""Reports over HTTP: the books by day, facts one can follow, and revenue by month, as JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


def _lived(server: Server) -> None:
    """Ann pays nine euro for a month that is half over."""
    server.call("POST", "/v1/customers/ann/payment-methods", json={"token": "pm_ok.card", "default": True})
    server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "starter"})
    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-14T09:00:00Z"})


def test_the_books_by_day_and_their_facts(server: Server) -> None:
    """What a day moved is the sum of its facts; each fact names what it was and balances."""
    _lived(server)
    days = server.call("GET", "/v1/reports/ledger").json()["items"]
    earned = [each["change"]["amount"] for each in days if each["account"] == "revenue"]
    assert len(earned) == 14
    facts: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = server.call("GET", "/v1/ledger/transactions", params=params).json()
        facts += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len({each["key"] for each in facts}) == len(facts) == 16
    assert [each["at"] for each in facts] == sorted((each["at"] for each in facts), reverse=True)
    statement = server.call("GET", "/v1/ledger/transactions", params={"customer": "ann"}).json()["items"]
    assert {each["fact"] for each in statement} == {"payment_received", "invoice_issued"}
    cash = server.call("GET", "/v1/ledger/transactions", params={"account": "cash"}).json()["items"]
    assert [entry["side"] for entry in cash[0]["entries"]] == ["debit", "credit"]


def test_balances_are_known_at_any_instant(server: Server) -> None:
    """Before anything happened nothing stands anywhere."""
    _lived(server)
    before = server.call("GET", "/v1/ledger/balances", params={"as_of": "2026-01-01T00:00:00Z"}).json()
    assert before == {"accounts": [], "net": []}


def test_revenue_by_month_and_to_come(server: Server) -> None:
    """What is booked and what is to come sum to the fee; the CSV says the same."""
    _lived(server)
    past = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z", "months_ahead": 0}
    alone = server.call("GET", "/v1/reports/revenue", params=past).json()["items"]
    assert [each["month"] for each in alone] == ["2026-01"]
    asked = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-14T09:00:00Z", "months_ahead": 2}
    rows = server.call("GET", "/v1/reports/revenue", params=asked).json()["items"]
    assert [(each["month"], each["kind"]) for each in rows] == [
        ("2026-01", "booked"),
        ("2026-02", "booked"),
        ("2026-02", "to_come"),
        ("2026-03", "to_come"),
    ]
    cents = [round(float(each["recognised"]["amount"]) * 100) for each in rows]
    assert sum(cents) == 900
    file = server.call("GET", "/v1/reports/revenue", params={**asked, "format": "csv"})
    assert file.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(file.text)))
    assert [each["recognised"] for each in table] == [each["recognised"]["amount"] for each in rows]


def test_an_invoice_says_when_it_is_earned(server: Server) -> None:
    """Half of nine euro after half of the month, rounded down; the rest is deferred."""
    _lived(server)
    (invoice,) = server.call("GET", "/v1/invoices").json()["items"]
    (line,) = server.call("GET", f"/v1/invoices/{invoice['number']}/revenue").json()["items"]
    assert (line["amount"]["amount"], line["recognised"]["amount"], line["deferred"]["amount"]) == (
        "9.00",
        "4.37",
        "4.63",
    )
    assert (line["from"], line["to"]) == ("2026-01-31T09:00:00Z", "2026-02-28T09:00:00Z")
    assert line["next_day_ends"] == "2026-02-15T00:00:00Z"


def test_a_period_that_makes_no_sense_is_refused(server: Server) -> None:
    """Backwards, or longer than ten years."""
    for since in ("2026-03-01T00:00:00Z", "1990-01-01T00:00:00Z"):
        asked = {"from": since, "to": "2026-02-01T00:00:00Z"}
        answer = server.call("GET", "/v1/reports/revenue", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
