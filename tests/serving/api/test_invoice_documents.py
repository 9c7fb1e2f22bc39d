"""Invoices as files over HTTP."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from pypdf import PdfReader

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


def test_an_invoice_is_handed_out_as_a_pdf(server: Server, subscribed: dict[str, Any]) -> None:
    """By id and by number, in the language asked for, under its number, and always the same."""
    invoice = server.call("GET", "/v1/invoices").json()["items"][0]

    found = server.call("GET", f"/v1/invoices/{invoice['id']}.pdf")
    again = server.call("GET", f"/v1/invoices/{invoice['number']}.pdf")
    german = server.call("GET", f"/v1/invoices/{invoice['id']}.pdf?language=de")

    assert found.status_code == 200, found.text
    assert found.headers["content-type"] == "application/pdf"
    assert f'filename="{invoice["number"]}.pdf"' in found.headers["content-disposition"]
    assert again.content == found.content
    assert "Starter membership" in PdfReader(BytesIO(found.content)).pages[0].extract_text()
    assert "Rechnung" in PdfReader(BytesIO(german.content)).pages[0].extract_text()


def test_an_e_invoice_names_what_is_missing_for_it(server: Server, subscribed: dict[str, Any]) -> None:
    """A shop without a profile has its PDF, and is told what to fill in."""
    invoice = server.call("GET", "/v1/invoices").json()["items"][0]

    answer = server.call("GET", f"/v1/invoices/{invoice['id']}.xml")

    assert answer.status_code == 409
    assert answer.json()["code"] == "e_invoice_incomplete"
    assert {"field": "seller.country", "set_by": "PUT /v1/profile"} in answer.json()["missing"]


def test_an_unknown_invoice_has_no_file(server: Server) -> None:
    """Like any other that is not there; a language that is not spoken is refused."""
    assert server.call("GET", "/v1/invoices/inv_nothing.pdf").status_code == 404
    assert server.call("GET", "/v1/invoices/inv_nothing.xml").json()["code"] == "invoice_not_found"
    assert server.call("GET", "/v1/invoices/inv_nothing.pdf?language=xx").status_code == 422
