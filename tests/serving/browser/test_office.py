"""The operator's pages in a real browser: they render without a complaint, and their pictures are kept for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.serving.browser.conftest import keep

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

    from tests.serving.browser.conftest import Served

pytestmark = pytest.mark.browser


def test_the_office_shows_its_figures_charts_and_customers(page: Page, served: Served) -> None:
    """Overview, list, one customer, invoices and models, each reached by its link."""
    served.ask("POST", "/v1/decisions", {"customer": "ann", "placement": "storefront"})
    page.goto(f"{served.address}/admin")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert page.locator("svg.chart").count() == 5
    keep(page, "office-overview")

    page.get_by_role("link", name="Customers", exact=True).click()
    keep(page, "office-customers")
    page.get_by_role("link", name="Ann Lee").click()
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()
    page.locator("details").first.locator("summary").click()
    keep(page, "office-customer")

    page.get_by_role("link", name="Invoices", exact=True).click()
    keep(page, "office-invoices")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="Why is this the amount?")).to_be_visible()
    keep(page, "office-invoice")

    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_text("Promoted: better than what is popular.").first).to_be_visible()
    keep(page, "office-models")


def test_a_hostile_name_stays_text(page: Page, served: Served) -> None:
    """A customer named like a script is shown by that name, and no dialogue opens."""
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.goto(f"{served.address}/admin/customers/mallory")

    expect(page.get_by_role("heading", level=1)).to_have_text('<script>alert("hello")</script>')
    assert opened == []


@pytest.mark.parametrize("path", ["/shop?customer=ann", "/admin", "/admin/customers/ann"])
def test_no_page_scrolls_sideways_on_a_phone_in_the_dark(page: Page, served: Served, path: str) -> None:
    """At 390 pixels and in the dark theme the page is as wide as the screen."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(served.address + path, wait_until="networkidle")

    keep(page, "phone" + path.replace("/", "-").replace("?", "-").replace("=", "-"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
