"""What of a plan version can be sold: fees in advance, usage in arrears, and only models that an invoice can rate."""

from __future__ import annotations

from typing import Any

import pytest

from billing.catalog.item import MeterUse
from billing.pricing.document import ChargeError
from billing.pricing.ratecard import meter_of, read_card, recurring_price

FEE: dict[str, Any] = {"key": "fee", "name": "Fee", "price": {"model": "flat", "amount": "19"}}
USE: dict[str, Any] = {
    "key": "api",
    "name": "Calls",
    "meter": "api",
    "price": {"model": "per_unit", "unit_price": "0.10"},
}
SHARE: dict[str, Any] = {
    "key": "cut",
    "name": "Share",
    "meter": "sales",
    "price": {"model": "percentage", "rate": "0.02"},
}


def test_the_price_shown_is_what_a_period_costs_before_usage() -> None:
    """Fees alone; a version without any costs nothing until it is used."""
    assert recurring_price([FEE, USE], "EUR").text == "19.00"
    assert recurring_price([USE], "EUR").text == "0.00"


def test_a_yearly_fee_is_a_twelfth_a_month() -> None:
    """Monthly value is exact and rounded once."""
    assert read_card([FEE], "EUR").monthly_minor("year", 1) == 158


def test_what_an_invoice_cannot_rate_yet_is_not_sold() -> None:
    """A plan that bills by single events is refused when it is published, not when the invoice is due."""
    assert meter_of(USE) == MeterUse(key="api")
    with pytest.raises(ChargeError):
        meter_of(SHARE)


def test_a_charge_says_what_it_reads_of_its_meter() -> None:
    """A share of each payment reads single events, a matrix reads groups, and prices by the hour read hours."""
    share = {**SHARE, "price": {"model": "percentage", "rate_percent": "2"}}
    cells = [{"values": ["eu"], "unit_price": "2"}]
    matrix = {**USE, "price": {"model": "matrix", "dimensions": ["region"], "prices": cells, "default": "3"}}
    night = {"name": "night", "when": {"hours": ["22:00", "06:00"]}, "then": {"multiply": "0.5"}}

    assert meter_of(FEE) is None
    assert meter_of(share) == MeterUse(key="sales", divides=True)
    assert meter_of(matrix) == MeterUse(key="api", groups=("region",))
    assert meter_of({**USE, "rules": [night]}) == MeterUse(key="api", divides=True)


def test_a_rule_reads_no_more_than_its_charge() -> None:
    """A matrix that stands in for a price by quantity alone would find no groups when the invoice is due."""
    matrix = {
        "model": "matrix",
        "dimensions": ["region"],
        "prices": [{"values": ["eu"], "unit_price": "2"}],
        "default": "3",
    }
    rule = {"name": "gold", "when": {"segment": "gold"}, "then": {"price": matrix}}

    with pytest.raises(ChargeError, match="gold"):
        meter_of({**USE, "rules": [rule]})
