"""Monthly revenue and the check of the books over HTTP, as JSON and as CSV."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from billing.invoices.tables import InvoiceRow

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

SPAN = {"from": "2026-01-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}


def _lived(server: Server) -> None:
    server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "starter"})
    answer = server.call("POST", "/v1/test-clock", json={"advance_to": "2026-03-02T09:00:00Z"})
    assert answer.status_code == 200, answer.text


def test_months_open_move_and_close(server: Server) -> None:
    """Nine euro from the last day of January: new there, and standing since; a row a month and currency."""
    _lived(server)
    answer = server.call("GET", "/v1/reports/mrr", params=SPAN).json()
    assert (answer["by"], answer["from"], answer["to"]) == ("month", SPAN["from"], SPAN["to"])
    january, february, march = answer["items"]
    assert january["opening"] == {"amount": "0.00", "currency": "EUR"}
    assert january["new"] == {"amount": "9.00", "currency": "EUR", "count": 1}
    assert january["churn"] == {"amount": "0.00", "currency": "EUR", "count": 0}
    assert [month["closing"]["amount"] for month in (january, february, march)] == ["9.00"] * 3
    assert february["average"]["amount"] == "9.00"
    earned, difference = (Decimal(february[name]["amount"]) for name in ("recognised", "difference"))
    assert earned > 8
    assert earned - difference == 9


def test_days_are_a_file_too(server: Server) -> None:
    """The same rows by day as CSV, amounts in columns of their own, nothing that only months can say."""
    _lived(server)
    span = {"from": "2026-01-30T00:00:00Z", "to": "2026-02-02T00:00:00Z"}
    answer = server.call("GET", "/v1/reports/mrr", params={**span, "by": "day", "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="mrr.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [(row["start"][:10], row["opening"], row["new"], row["closing"]) for row in rows] == [
        ("2026-01-30", "0.00", "0.00", "0.00"),
        ("2026-01-31", "0.00", "9.00", "9.00"),
        ("2026-02-01", "9.00", "0.00", "9.00"),
    ]
    assert "recognised" not in rows[0]


def test_a_span_is_told_what_is_wrong_with_it(server: Server) -> None:
    """Too many days, an end before its start, and an unknown window are 422 with a reason; nothing asked is the last year."""

    def refused(**params: str) -> dict[str, Any]:
        answer = server.call("GET", "/v1/reports/mrr", params={**SPAN, **params})
        assert answer.status_code == 422, answer.text
        document: dict[str, Any] = answer.json()
        return document

    assert refused(by="day", to="2036-01-01T00:00:00Z")["code"] == "too_many_windows"
    assert "ends after it starts" in refused(to="2025-01-01T00:00:00Z")["detail"]
    refused(by="week")
    refused(**{"from": "2026-01-01T00:00:00"})
    assert server.call("GET", "/v1/reports/mrr").json()["items"] == []


def test_the_books_are_checked(server: Server) -> None:
    """Whole after a life; a total that was changed behind our back is found, named and shown, and in this shop alone."""
    _lived(server)
    answer = server.call("GET", "/v1/reports/check").json()
    assert (answer["whole"], answer["findings"]) == (True, [])
    assert {"postings", "invoices", "numbers", "deferred"} <= set(answer["checks"])

    with server.services.database.unit(server.shop.scope) as unit:
        unit.session.execute(update(InvoiceRow).values(total_minor=1).execution_options(synchronize_session=False))
    answer = server.call("GET", "/v1/reports/check").json()
    found = next(each for each in answer["findings"] if each["code"] == "invoice_lines")
    assert answer["whole"] is False
    assert found["amounts"]["total"] == {"amount": "0.01", "currency": "EUR"}
    assert found["ids"][0].startswith("inv_")
    other = server.call("GET", "/v1/reports/check", key=server.other.opened.secret_key).json()
    assert other["whole"] is True
