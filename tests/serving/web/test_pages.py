"""The pages over a prepared shop: what they show, how they are locked, and that data stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from billing.db.scope import Scope
from billing.invoices.store import InvoiceStore
from features.runs.tasks import TASKS
from serving.application import create_app
from serving.web.assets import WIDGET
from tests.serving.web.prepared import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

    from serving.wiring import Services
    from tests.serving.web.prepared import Ready

PAGES = (
    "/",
    "/shop",
    "/shop?customer=ann",
    "/shop?customer=ann&item=cup",
    "/admin",
    "/admin/customers",
    "/admin/customers?search=g",
    "/admin/customers/ann",
    "/admin/customers/guest-03",
    "/admin/invoices",
    "/admin/invoices?status=paid",
    "/admin/models",
    "/admin/success",
    "/admin/success?days=30&by=plan",
    "/admin/models/churn",
    "/admin/models/recommender?version=v0001",
    "/admin/models/propensity",
    "/admin/experiments",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_locked_down(client: TestClient, path: str) -> None:
    """Strict policy, no framing, no sniffing, no shared cache; and the page keeps to it: no inline script, style or handler."""
    page = client.get(path)

    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", page.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)


@pytest.mark.parametrize(
    "path", ["/shop?customer=mallory", "/admin/customers?search=mallory", "/admin/customers/mallory"]
)
def test_a_name_with_markup_is_shown_as_text(client: TestClient, path: str) -> None:
    """Mallory's name is a script; no page runs it."""
    text = client.get(path).text

    assert "&lt;script&gt;alert(&#34;hello&#34;)&lt;/script&gt;" in text
    assert HOSTILE not in text


def test_the_storefront_carries_the_widget_with_a_token_but_never_the_secret_key(
    client: TestClient, ready: Ready
) -> None:
    """The page names the publishable key and a signed token; the secret key stays on the server."""
    text = client.get("/shop?customer=ann").text

    assert ready.publishable_key in text
    assert 'customer-token="ey' in text
    assert ready.opened.secret_key not in text
    assert "Better together" in text
    assert "Bestsellers" in text


def test_the_overview_sums_what_was_billed(client: TestClient) -> None:
    """Seven Starter at 9 and one Plus at 19 are 82 a month; one Starter paid its first invoice."""
    text = client.get("/admin").text

    assert "€82.00" in text
    assert re.search(r"Paid</dt><dd>€9.00<small>1 invoice<", text)
    assert re.search(r"Waiting for payment</dt><dd>€73.00<small>7 invoices<", text)


def test_an_invoice_explains_its_amount(client: TestClient, services: Services, ready: Ready) -> None:
    """Each line shows its steps, and the page the same total as the invoice."""
    with services.database.view(Scope(ready.opened.tenant.id)) as unit:
        invoice = InvoiceStore(unit).page(limit=1).items[0]

    text = client.get(f"/admin/invoices/{invoice.number}").text

    assert "Why is this the amount?" in text
    assert "Plus membership" in text
    assert "€19.00" in text


def test_a_customers_page_says_what_would_unlock_more(client: TestClient) -> None:
    """Ann has used three of three deliveries; the page names the plan that gives more, and its price."""
    text = client.get("/admin/customers/ann").text

    assert "No: limit reached; Plus (€19.00) would unlock it" in text
    assert "no order for 61 days" in text


def test_the_models_page_reads_the_cards(client: TestClient) -> None:
    """Champions with their gate's sentence and figures beside the baseline; tasks without one say so."""
    text = client.get("/admin/models").text

    assert "Promoted: better than what is popular." in text
    assert "0.2700 to 0.3500" in text
    assert "Baseline: Popular" in text
    assert text.count("None yet") == len(TASKS) - 2


def test_a_models_own_page_tells_its_story(client: TestClient) -> None:
    """The card with its figures and where it comes from, the versions, and no way back where there is no champion before."""
    text = client.get("/admin/models/recommender").text

    assert "Card of v0001" in text
    assert "0.2700 to 0.3500" in text
    assert "Where it comes from" in text
    assert "Go back" not in text
    assert client.get("/admin/models/recommender?version=v0009").status_code == 404


@pytest.mark.parametrize("origin", [None, "https://attacker.example", "null"])
def test_the_way_back_is_not_taken_for_a_form_of_another_site(client: TestClient, origin: str | None) -> None:
    """A browser says where a form was sent from; without that nothing moves. From this page it does what it can, which is nothing here."""
    headers = {} if origin is None else {"origin": origin}
    foreign = client.post("/admin/models/recommender/rollback", headers=headers, follow_redirects=False)
    own = client.post(
        "/admin/models/recommender/rollback", headers={"origin": "http://testserver"}, follow_redirects=False
    )

    assert (foreign.status_code, own.status_code) == (403, 409)
    assert "no earlier champion" in own.text


def test_the_list_pages_and_searches(client: TestClient) -> None:
    """Twenty-five at a time, the next page by a link, and a search by the start of a name."""
    first = client.get("/admin/customers").text
    following = re.search(r'href="(/admin/customers\?[^"]*cursor=[^"]+)" rel="next"', first)
    assert following
    second = client.get(following[1].replace("&amp;", "&")).text

    assert not set(re.findall(r"/admin/customers/([\w-]+)", first)) & set(
        re.findall(r"/admin/customers/([\w-]+)", second)
    )
    found = client.get("/admin/customers?search=dora").text
    assert "Dora Klein" in found
    assert "Ann Lee" not in found


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/customers/nobody", 404),
        ("/admin/invoices/inv_none", 404),
        ("/shop?customer=nobody", 404),
        ("/admin/customers?cursor=_w", 422),
        ("/static/secrets.txt", 404),
    ],
)
def test_what_is_not_there_is_told_without_a_trace(client: TestClient, path: str, status: int) -> None:
    """A readable page with the right status."""
    answer = client.get(path)

    assert answer.status_code == status
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/shop", "/shop?customer=ann", "/admin", "/admin/customers/ann", "/admin/models"])
@pytest.mark.parametrize(
    ("client_host", "headers"),
    [
        ("192.0.2.7", {}),
        ("127.0.0.1", {"host": "attacker.example"}),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}),
        ("127.0.0.1", {"via": "1.1 proxy"}),
    ],
)
def test_nobody_else_sees_the_demonstration(
    services: Services, path: str, client_host: str, headers: dict[str, str]
) -> None:
    """Not from another machine, not under a rebound name, not through a proxy."""
    stranger = TestClient(create_app(services), client=(client_host, 5000))

    answer = stranger.get(path, headers=headers)

    assert answer.status_code == 403
    assert "Ann" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("written", [None, "not json", "[]", '{"tenant_id": "ten_x"}'])
def test_without_a_demonstration_the_page_says_how_to_get_one(
    services: Services, tmp_path: Path, written: str | None
) -> None:
    """No file or a broken one: a page that names the command."""
    if written is not None:
        (tmp_path / "demo.json").write_text(written)
    app = create_app(services)
    elsewhere = services.settings.model_copy(update={"home": tmp_path})
    app.state.services = replace(services, settings=elsewhere)

    answer = TestClient(app).get("/shop")

    assert answer.status_code == 404
    assert "make demo" in answer.text


def test_a_key_bound_elsewhere_is_told_to_the_reader(services: Services) -> None:
    """Opened under another port than the key knows, the page says where the offers work."""
    app = create_app(services)

    text = TestClient(app, base_url="http://localhost:9999").get("/shop?customer=ann").text

    assert "http://testserver/shop?customer=ann" in text


def test_files_are_kept_by_browsers_until_they_change(client: TestClient) -> None:
    """The same tag again is answered without the bytes."""
    first = client.get("/widget.js")
    again = client.get("/widget.js", headers={"if-none-match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["content-type"].startswith("text/javascript")


def test_the_widget_is_small_and_never_builds_markup_from_data() -> None:
    """Under 30 KB, no evaluation, no markup from strings, nothing from elsewhere."""
    script = WIDGET.body.decode()

    assert len(WIDGET.body) < 30_000
    for banned in (
        "eval(",
        "new Function",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "localStorage",
        "cookie",
    ):
        assert banned not in script


def test_what_a_customer_is_worth_is_money_and_an_uplift_is_no_risk(client: TestClient) -> None:
    """The amount with its range in the tenant's currency; a negative uplift has no meter."""
    text = client.get("/admin/customers/bob").text

    assert "Worth: €156.00" in text
    assert "Likely between €42.00 and €301.00" in text
    assert "What an offer adds to the chance of an upgrade: -2" in text
