"""Credit notes, voids and given-up invoices over HTTP, with their documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


def _invoice(server: Server, *, paid: bool) -> dict[str, Any]:
    """Ann's first invoice: 9.00."""
    if paid:
        body = {"token": "pm_ok.card", "default": True}
        assert server.call("POST", "/v1/customers/ann/payment-methods", json=body).status_code == 201
    server.call("POST", "/v1/subscriptions", json={"customer": "ann", "plan": "starter"})
    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-02T09:00:00Z"})
    (found,) = server.call("GET", "/v1/invoices").json()["items"]
    assert found["status"] == ("paid" if paid else "issued")
    return dict(found)


def test_a_credit_note_goes_back_and_has_a_document(server: Server) -> None:
    """Preview, issue once by its key, three euro back, and a PDF that names the invoice."""
    invoice = _invoice(server, paid=True)
    body = {"invoice": invoice["number"], "amount": "3.00", "reason": "goodwill", "destination": "refund"}
    shown = server.call("POST", "/v1/credit-notes/preview", json=body).json()
    headers = {"Idempotency-Key": "cup-was-cold"}
    made = server.call("POST", "/v1/credit-notes", json=body, headers=headers)
    again = server.call("POST", "/v1/credit-notes", json=body, headers=headers)

    assert (made.status_code, made.json()) == (201, again.json())
    note = made.json()
    assert (shown["number"], note["number"], note["invoice"]) == (None, "CN-000001", invoice["number"])
    assert shown["lines"] == note["lines"]
    assert [note[name]["amount"] for name in ("total", "off_due", "to_refund", "refunded", "to_balance")] == [
        "3.00",
        "0.00",
        "3.00",
        "3.00",
        "0.00",
    ]
    after = server.call("GET", f"/v1/invoices/{invoice['id']}").json()
    assert (after["status"], after["paid"]["amount"], after["credited"]["amount"]) == ("paid", "6.00", "3.00")
    assert server.call("GET", "/v1/credit-notes", params={"customer": "ann"}).json()["items"] == [note]
    assert server.call("GET", "/v1/credit-notes/CN-000001").json() == note
    file = server.call("GET", "/v1/credit-notes/CN-000001.pdf")
    assert (file.headers["content-type"], file.content[:5]) == ("application/pdf", b"%PDF-")
    assert 'filename="CN-000001.pdf"' in file.headers["content-disposition"]


def test_a_credit_of_a_line_lowers_what_is_due(server: Server) -> None:
    """All of the line is the whole invoice; more than is left is refused and says what is."""
    invoice = _invoice(server, paid=False)
    body = {"invoice": invoice["id"], "lines": [{"line": 1, "amount": "4.00"}]}
    assert server.call("POST", "/v1/credit-notes", json=body).json()["off_due"]["amount"] == "4.00"
    refused = server.call("POST", "/v1/credit-notes", json={**body, "lines": [{"line": 1, "amount": "5.01"}]})
    assert (refused.status_code, refused.json()["code"]) == (422, "credit_note_refused")
    assert "5.00 EUR of line 1 is left" in refused.json()["detail"]
    assert server.call("POST", "/v1/credit-notes", json={"invoice": invoice["id"]}).status_code == 201
    assert server.call("GET", f"/v1/invoices/{invoice['id']}").json()["status"] == "paid"
    assert server.call("POST", "/v1/credit-notes/CN-000002/to-balance").json()["code"] == "credit_note_state"


def test_an_invoice_is_voided_or_given_up(server: Server) -> None:
    """Voiding says so on the invoice; what is void is neither given up nor credited."""
    invoice = _invoice(server, paid=False)
    path = f"/v1/invoices/{invoice['id']}"
    voided = server.call("POST", f"{path}/void").json()
    assert (voided["status"], voided["amount_due"]["amount"]) == ("void", "0.00")
    assert server.call("POST", f"{path}/uncollectible").json()["code"] == "invoice_state"
    assert server.call("POST", "/v1/credit-notes", json={"invoice": invoice["id"]}).status_code == 422
    server.call("POST", "/v1/test-clock", json={"advance_to": "2026-02-03T09:00:00Z"})  # a day of it was earned
    books = server.call("GET", "/v1/ledger/balances").json()
    assert [each["amount"] for each in books["net"]] == ["0.00"]
    assert all(each["balance"]["amount"] == "0.00" for each in books["accounts"])


def test_an_invoice_that_is_given_up_is_bad_debt(server: Server) -> None:
    """Nine euro."""
    invoice = _invoice(server, paid=False)
    assert server.call("POST", f"/v1/invoices/{invoice['id']}/uncollectible").json()["status"] == "uncollectible"
    books = {
        each["account"]: each["balance"]["amount"]
        for each in server.call("GET", "/v1/ledger/balances").json()["accounts"]
    }
    assert (books["bad_debt"], books["receivable"]) == ("9.00", "0.00")
