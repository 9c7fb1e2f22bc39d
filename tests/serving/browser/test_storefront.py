"""The storefront as a customer meets it, in a real browser over a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.serving.browser.conftest import keep

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    from tests.serving.browser.conftest import Served

pytestmark = pytest.mark.browser


def _offer(page: Page) -> Locator:
    return page.locator("uptier-offer")


def _open(page: Page, served: Served, customer: str) -> None:
    page.goto(f"{served.address}/shop?customer={customer}", wait_until="networkidle")


def _may(served: Served, customer: str, feature: str) -> bool:
    answer = served.ask("POST", "/v1/access/check", {"customer": customer, "feature": feature})
    return bool(answer["allowed"])


def test_the_storefront_recommends_with_reasons_and_never_what_is_owned(page: Page, served: Served) -> None:
    """Ann bought espresso beans: she sees what goes with them and why, and not the beans."""
    _open(page, served, "ann")

    items = page.locator("uptier-recommendations .item")
    expect(items.first).to_be_visible()
    expect(page.locator("uptier-recommendations .why").first).to_have_text("Because you bought Espresso beans, 1 kg")
    assert "Espresso beans, 1 kg" not in page.locator("uptier-recommendations .name").all_text_contents()
    assert "€" in (page.locator("uptier-recommendations .price").first.text_content() or "")
    keep(page, "shop")


def test_the_banner_shows_the_price_that_the_api_quotes(page: Page, served: Served) -> None:
    """What the customer reads is the quote's total, and what follows each period, to the cent."""
    _open(page, served, "ann")
    decision = served.ask("POST", "/v1/decisions", {"customer": "ann", "placement": "storefront"})
    quote = decision["offer"]["quote"]

    expect(_offer(page).locator(".message")).to_have_text("You have used 3 of 3 deliveries. Plus gives you more.")
    expect(_offer(page).locator(".cost strong").first).to_have_text(f"€{quote['total']['amount']}")
    expect(_offer(page).locator(".cost strong").last).to_have_text("€19.00")


def test_accepting_widens_access_at_the_shown_price_and_the_page_says_so(page: Page, served: Served) -> None:
    """One click: the rights are there at once, the header shows the new plan, and the next invoice carries the quoted amount."""
    _open(page, served, "dora")
    assert not _may(served, "dora", "deliveries")
    shown = _offer(page).locator(".cost strong").first.text_content() or ""

    _offer(page).get_by_role("button", name="Upgrade now").click()

    expect(_offer(page).locator(".message")).to_have_text("Done. Your new rights are ready to use.")
    expect(page.locator("#account")).to_contain_text("Plus")
    expect(page.locator("#account")).to_contain_text("3 of 30 deliveries used")
    assert _may(served, "dora", "deliveries")
    assert _may(served, "dora", "early_access")
    subscription = served.ask("GET", "/v1/subscriptions?customer=dora")["items"][0]
    upcoming = served.ask("GET", f"/v1/subscriptions/{subscription['id']}/upcoming-invoice")
    changed = sum(
        round(float(line["amount"]["amount"]) * 100) for line in upcoming["lines"] if line["kind"] == "change"
    )
    assert shown == f"€{changed / 100:.2f}"
    keep(page, "shop-accepted")


def test_a_lost_answer_is_asked_again_and_counts_once(noisy_page: Page, served: Served) -> None:
    """The server accepted but its answer never came: asking again shows the same outcome, and the plan changed once."""
    _open(noisy_page, served, "hugo")
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost or '"accept"' not in (route.request.post_data or ""):
            route.continue_()
            return
        lost.append(route.request.url)
        headers = {name: value for name, value in route.request.headers.items() if name != "content-length"}
        answer = httpx.post(route.request.url, content=route.request.post_data or "", headers=headers, timeout=10)
        assert answer.is_success
        route.abort()

    noisy_page.route("**/outcome", lose)
    _offer(noisy_page).get_by_role("button", name="Upgrade now").click()
    _offer(noisy_page).get_by_role("button", name="Ask again").click()

    expect(_offer(noisy_page).locator(".message")).to_have_text("Done. Your new rights are ready to use.")
    assert len(lost) == 1
    subscription = served.ask("GET", "/v1/subscriptions?customer=hugo")["items"][0]
    upcoming = served.ask("GET", f"/v1/subscriptions/{subscription['id']}/upcoming-invoice")
    assert subscription["plan"] == "plus"
    assert len([line for line in upcoming["lines"] if line["kind"] == "change"]) == 2


def test_an_offer_that_no_longer_holds_is_told_so(noisy_page: Page, served: Served) -> None:
    """The plan changed elsewhere after the banner was shown: accepting charges nothing and says so."""
    _open(noisy_page, served, "ida")
    expect(_offer(noisy_page)).to_be_visible()
    subscription = served.ask("GET", "/v1/subscriptions?customer=ida")["items"][0]
    served.ask("POST", f"/v1/subscriptions/{subscription['id']}/change", {"target": "tasting_box"})

    _offer(noisy_page).get_by_role("button", name="Upgrade now").click()

    expect(_offer(noisy_page).locator(".message")).to_have_text("This offer no longer holds, and nothing was charged.")
    assert served.ask("GET", "/v1/subscriptions?customer=ida")["items"][0]["plan"] == "starter"


def test_not_now_hides_the_banner_and_it_stays_away(page: Page, served: Served) -> None:
    """A dismissal is kept: the next visit shows no offer, and the reason is that the customer was asked lately."""
    _open(page, served, "eve")
    with page.expect_response(
        lambda answer: answer.url.endswith("/outcome") and "dismiss" in (answer.request.post_data or "")
    ):
        _offer(page).get_by_role("button", name="Not now").click()
    expect(_offer(page)).to_be_hidden()

    _open(page, served, "eve")

    expect(_offer(page)).to_be_hidden()
    decision = served.ask("POST", "/v1/decisions", {"customer": "eve", "placement": "storefront"})
    assert (decision["offer"], decision["reason"]) == (None, "cooling_down")


def test_an_impression_is_told_once_it_was_seen(page: Page, served: Served) -> None:
    """The banner at the top is seen at once, and the decision knows it."""
    with page.expect_response(lambda answer: "impression" in (answer.request.post_data or "")):
        page.goto(f"{served.address}/shop?customer=finn")

    decision = served.ask("POST", "/v1/decisions", {"customer": "finn", "placement": "storefront"})
    assert "impression" in served.ask("GET", f"/v1/decisions/{decision['decision_id']}")["outcomes"]


def test_who_has_no_offer_sees_no_gap(page: Page, served: Served) -> None:
    """A customer without a subscription sees the shop, and no banner or empty frame."""
    _open(page, served, "guest-01")

    expect(_offer(page)).to_be_hidden()
    expect(page.get_by_role("heading", name="Bestsellers")).to_be_visible()
    keep(page, "shop-without-offer")


def test_a_wrong_token_leaves_the_page_whole(noisy_page: Page, served: Served) -> None:
    """When the API refuses, both elements hide and the rest of the shop stands."""
    _open(noisy_page, served, "ann")
    expect(_offer(noisy_page)).to_be_visible()
    for name in ("uptier-offer", "uptier-recommendations"):
        noisy_page.locator(name).evaluate("element => element.setAttribute('customer-token', 'forged')")

    expect(_offer(noisy_page)).to_be_hidden()
    expect(noisy_page.locator("uptier-recommendations")).to_be_hidden()
    expect(noisy_page.get_by_role("heading", name="Bestsellers")).to_be_visible()


def test_a_server_that_hangs_leaves_the_page_whole(noisy_page: Page, served: Served) -> None:
    """The elements give up within their time-out and hide."""
    noisy_page.route("**/v1/**", lambda _route: None)
    noisy_page.goto(f"{served.address}/shop?customer=ann")

    expect(_offer(noisy_page)).to_be_hidden(timeout=6000)
    expect(noisy_page.locator("uptier-recommendations")).to_be_hidden(timeout=6000)


def test_the_widget_works_from_another_origin_that_the_key_is_bound_to(
    page: Page, served: Served, shop_elsewhere: str
) -> None:
    """A shop on its own address loads the script from Uptier and shows recommendations through CORS."""
    page.goto(shop_elsewhere, wait_until="networkidle")

    expect(page.locator("uptier-recommendations .item").first).to_be_visible()
    expect(page.locator("uptier-offer .message")).to_be_visible()


def test_choosing_a_customer_by_keyboard(page: Page, served: Served) -> None:
    """The chooser works without a mouse."""
    page.goto(f"{served.address}/shop")
    keep(page, "choose")
    page.get_by_label("Customer's key").focus()
    page.keyboard.type("ann")
    page.keyboard.press("Enter")

    expect(page.locator("#account")).to_contain_text("Ann Lee")
