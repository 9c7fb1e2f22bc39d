"""Every branch of the decision how a line is taxed, and what an inclusive price is worth abroad."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.catalog.taxes.rule import TaxRule
from billing.catalog.taxes.standard_rates import STANDARD_RATES
from billing.kernel.money import Money
from billing.pricing.tax_rules import Buyer, Category, MissingRateError, Seller, TaxRules, treatment
from billing.tenants.profile.tax_id import EU_COUNTRIES

AT = datetime(2026, 2, 1, tzinfo=UTC)
RULES = TaxRules(standard=STANDARD_RATES)
DE = Seller(country="DE")
FIRM = Buyer(country="AT", tax_id="ATU13585627", is_business=True)


@pytest.mark.parametrize(
    ("seller", "buyer", "category", "rates"),
    [
        (replace(DE, taxes=False), FIRM, Category.OUTSIDE, {}),
        (replace(DE, exempt=True), Buyer(country="DE"), Category.EXEMPT, {"exempt": "0"}),
        (DE, Buyer(), Category.STANDARD, {"vat_de": "19"}),
        (DE, Buyer(country="DE", tax_id="DE136695976", is_business=True), Category.STANDARD, {"vat_de": "19"}),
        (DE, Buyer(country="AT"), Category.STANDARD, {"vat_de": "19"}),
        (replace(DE, oss=True), Buyer(country="AT"), Category.STANDARD, {"vat_at": "20"}),
        (DE, FIRM, Category.REVERSE_CHARGE, {"reverse_charge": "0"}),
        (replace(DE, oss=True), FIRM, Category.REVERSE_CHARGE, {"reverse_charge": "0"}),
        (DE, replace(FIRM, tax_id="ATU13585626"), Category.STANDARD, {"vat_de": "19"}),
        (DE, replace(FIRM, tax_id="DE136695976"), Category.STANDARD, {"vat_de": "19"}),
        (DE, replace(FIRM, is_business=False), Category.STANDARD, {"vat_de": "19"}),
        (DE, Buyer(country="US"), Category.EXPORT, {"export": "0"}),
        (DE, Buyer(country="MC"), Category.STANDARD, {"vat_de": "19"}),
        (replace(DE, oss=True), Buyer(country="MC"), Category.STANDARD, {"vat_fr": "20"}),
        (Seller(country="FR"), Buyer(country="MC"), Category.STANDARD, {"vat_fr": "20"}),
        (Seller(country="MC"), Buyer(country="FR"), Category.STANDARD, {"vat_fr": "20"}),
        (Seller(country="GB"), Buyer(country="IM"), Category.STANDARD, {"vat_gb": "20"}),
        (DE, Buyer(country="IM"), Category.EXPORT, {"export": "0"}),
        (Seller(country="CH"), Buyer(country="DE"), Category.EXPORT, {"export": "0"}),
        (Seller(country="CH"), Buyer(country="CH"), Category.STANDARD, {"vat_ch": "8.1"}),
        (Seller(country="US"), Buyer(country="DE"), Category.EXPORT, {"export": "0"}),
        (DE, Buyer(country="GB", tax_id="XI110305878", is_business=True), Category.EXPORT, {"export": "0"}),
        (
            DE,
            Buyer(country="GR", tax_id="EL094259216", is_business=True),
            Category.REVERSE_CHARGE,
            {"reverse_charge": "0"},
        ),
    ],
)
def test_who_sells_to_whom_decides(seller: Seller, buyer: Buyer, category: Category, rates: dict[str, str]) -> None:
    """One row a branch of the law."""
    decision = treatment(RULES, seller, buyer, "standard", False, AT)

    assert decision.category is category
    assert {rate.key: str(rate.percent) for rate in decision.treatment.rates} == rates


def test_an_inclusive_price_leaves_the_home_rate_behind() -> None:
    """119.00 with 19 % in it is 100.00 to a firm abroad, and stays 119.00 at home."""
    price = Money(11900, "EUR")

    assert treatment(RULES, DE, FIRM, "standard", True, AT).net_price(price) == Money(10000, "EUR")
    assert treatment(RULES, DE, Buyer(), "standard", True, AT).net_price(price) == price
    assert treatment(RULES, DE, FIRM, "standard", False, AT).net_price(price) == price


def test_a_seller_without_a_rate_at_home_sells_abroad() -> None:
    """There is nothing in the price that could be taken out; at home the missing rate is named."""
    seller = Seller(country="US", region="CA")

    assert (
        treatment(RULES, seller, Buyer(country="DE"), "standard", True, AT).net_price(Money(100, "EUR")).text == "1.00"
    )
    with pytest.raises(MissingRateError, match="US"):
        treatment(RULES, seller, Buyer(), "standard", False, AT)


def test_a_rate_changes_at_its_day() -> None:
    """Estonia went from 22 to 24 percent at the beginning of July 2025."""
    before, after = (RULES.rate("EE", "", "standard", datetime(2025, *day, tzinfo=UTC)) for day in ((6, 30), (7, 1)))

    assert (before.percent, after.percent) == (Decimal(22), Decimal(24))


def test_own_rules_and_regions_stand_first() -> None:
    """A tenant's rule before the table, a region's before its country's; an unknown class is named."""
    own = TaxRule(country="ES", rate_key="es", percent=Decimal(20), valid_from=datetime(2026, 1, 1, tzinfo=UTC))
    islands = replace(own, region="canarias", rate_key="igic", percent=Decimal(7))
    rules = replace(RULES, own=(own, islands))

    assert rules.rate("ES", "madrid", "standard", AT).key == "es"
    assert rules.rate("ES", "canarias", "standard", AT).key == "igic"
    with pytest.raises(MissingRateError, match="books"):
        rules.rate("ES", "", "books", AT)


def test_every_member_state_has_a_rate_today() -> None:
    """And so have the three neighbours."""
    for country in (*EU_COUNTRIES, "GB", "CH", "NO"):
        assert RULES.rate(country, "", "standard", AT).percent > 0
