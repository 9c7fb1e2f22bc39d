"""Terms of a version: read strictly, kept exactly, and offered in the currencies they name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.item import Aggregation, Meter
from billing.catalog.plan import CurrencyNotOfferedError
from billing.catalog.publish import publish
from billing.catalog.store import CatalogStore
from billing.catalog.terms import PLAIN, parse_terms
from billing.catalog.terms_fields import TermsError
from billing.kernel.errors import InvalidError
from billing.pricing.ratecard import meter_of
from tests.billing.catalog.test_publish import CLUB
from tests.shop import START, fee, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

FULL: dict[str, Any] = {
    "trial_days": 14,
    "phases": [{"name": "intro", "periods": 2, "percent_off": "50"}],
    "minimum": "1.50",
    "maximum": "100",
    "thresholds": ["10", "20"],
    "alerts": ["5"],
    "tax_class": "food",
    "tax_inclusive": True,
    "quantity": "seats",
    "min_seats": 2,
    "max_seats": 9,
    "proration": "by_day",
    "prices": {"USD": [fee("Membership", "6.00")]},
}


def test_terms_come_back_as_they_were_published(database: Database) -> None:
    """Frozen with the version, whose charges are there in each of its currencies and no other."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        made = publish(unit, replace(CLUB, terms=FULL), read_charge=meter_of, now=START)
    with database.view(shop.scope) as unit:
        found = CatalogStore(unit).latest("club")
        assert CatalogStore(unit).latest("starter").terms == PLAIN

    assert found == made
    assert found.terms.to_document() == FULL
    assert found.charges_in("USD")[0]["price"]["amount"] == "6.00"
    with pytest.raises(CurrencyNotOfferedError, match="EUR, USD"):
        found.charges_in("JPY")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"trial": 3}, "trial"),
        ({"trial_days": -1}, "trial_days"),
        ({"trial_days": True}, "trial_days"),
        ({"minimum": 5}, "minimum"),
        ({"minimum": "9", "maximum": "8"}, "minimum"),
        ({"thresholds": ["5", "5"]}, "thresholds"),
        ({"thresholds": ["5", 6]}, "thresholds.1"),
        ({"phases": [{"name": "a", "periods": 0, "percent_off": "5"}]}, "phases.0.periods"),
        ({"phases": [{"name": "a", "periods": 1}]}, "phases.0.percent_off"),
        ({"phases": [{"name": "a", "periods": 1, "percent_off": "101"}]}, "phases.0.percent_off"),
        ({"min_seats": 2}, "quantity"),
        ({"quantity": "seats", "min_seats": 3, "max_seats": 2}, "max_seats"),
        ({"proration": "weekly"}, "proration"),
        ({"prices": []}, "prices"),
    ],
)
def test_bad_terms_name_the_field(document: dict[str, Any], field: str) -> None:
    """By its path."""
    with pytest.raises(TermsError) as refused:
        parse_terms(document)

    assert refused.value.facts["field"] == field


def _use(price: dict[str, Any], key: str = "use", meter: str = "deliveries") -> dict[str, Any]:
    return {"key": key, "name": "Use", "meter": meter, "price": price}


EACH: dict[str, Any] = {"model": "per_unit", "unit_price": "0.50"}
SHARE: dict[str, Any] = {"model": "percentage", "rate_percent": "2"}
MATRIX: dict[str, Any] = {
    "model": "matrix",
    "dimensions": ["region"],
    "prices": [{"values": ["eu"], "unit_price": "2"}],
    "default": "3",
}


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"charges": [_use(MATRIX)]}, "unknown_group", None),
        ({"charges": [_use(SHARE, meter="peak")]}, "meter_not_divisible", None),
        ({"charges": [_use(EACH)], "prices": {"USD": [_use(EACH, key="other")]}}, "invalid_terms", "terms.prices.USD"),
        ({"charges": [_use(EACH)], "prices": {"USD": [_use(EACH, meter="peak")]}}, "invalid_terms", "terms.prices.USD"),
        ({"charges": [_use(EACH)], "prices": {"USD": [_use(SHARE)]}}, "invalid_terms", "terms.prices.USD"),
        ({"charges": [_use(EACH)], "prices": {"USD": []}}, "invalid_terms", "terms.prices.USD"),
        ({"prices": {"EUR": [fee("Membership", "5.00")]}}, "invalid_terms", "prices.EUR"),
        ({"phases": {"charges": [_use(EACH, meter="no")]}}, "invalid_terms", "terms.phases.0.charges.0.meter"),
        ({"phases": {"charges": [_use(MATRIX)]}}, "invalid_terms", "terms.phases.0.charges.0."),
        ({"phases": {"charges": [_use({"model": "no"})]}}, "invalid_terms", "terms.phases.0.charges.0.price.model"),
    ],
)
def test_what_an_invoice_could_not_rate_is_not_published(
    database: Database, changed: dict[str, Any], code: str, field: str | None
) -> None:
    """Groups that the meter does not have, events that do not add up, price lists that differ, phases on unknown meters."""
    shop = open_shop(database)
    terms: dict[str, Any] = {"prices": changed["prices"]} if "prices" in changed else {}
    if "phases" in changed:
        terms["phases"] = [{"name": "intro", "periods": 1, **changed["phases"]}]
    draft = replace(CLUB, charges=changed.get("charges", CLUB.charges), terms=terms)

    with database.unit(shop.scope) as unit:
        peak = Meter(key="peak", name="Peak", event_type="load", aggregation=Aggregation.MAX, prop="load")
        CatalogStore(unit).put_meter(peak)
        with pytest.raises(InvalidError) as refused:
            publish(unit, draft, read_charge=meter_of, now=START)

    assert (refused.value.code, refused.value.facts.get("field")) == (code, field)


def test_phases_end_in_the_plan_itself() -> None:
    """Two periods of one, one of the next, then none."""
    phases = [
        {"name": "a", "periods": 2, "percent_off": "50"},
        {"name": "b", "periods": 1, "percent_off": "20"},
    ]
    terms = parse_terms({"phases": phases})

    assert [getattr(terms.phase(number), "name", None) for number in range(4)] == ["a", "a", "b", None]
