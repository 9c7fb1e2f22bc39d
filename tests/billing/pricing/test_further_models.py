"""What holds for every further charge model: its document reads back, more never costs less, and which need more than a quantity."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from billing.pricing.charge import ChargeModel, Needs
from billing.pricing.document import ChargeError
from billing.pricing.registry import CHARGE_MODELS, parse_model
from tests.billing.pricing.strategies import QUANTITIES
from tests.billing.pricing.strategies_models import FURTHER, RISING, VOLUMES

PACKAGE = {"model": "package", "package_size": "10", "package_price": "1"}
STEP = {"up_to": None, "price": "1"}
PERCENTAGE = {"model": "percentage", "rate_percent": "1"}
CELL = {"values": ["x"], "unit_price": "1"}
MATRIX = {"model": "matrix", "dimensions": ["a"], "prices": [CELL], "default": "2"}


@given(FURTHER)
def test_a_further_model_reads_back_from_its_own_document(model: ChargeModel) -> None:
    """Writing and reading is the identity."""
    assert parse_model(model.to_document()) == model


@given(RISING, QUANTITIES, QUANTITIES)
def test_more_usage_never_costs_less(model: ChargeModel, first: Decimal, second: Decimal) -> None:
    """Cost is monotone in the quantity for all but volume prices."""
    less, more = sorted((first, second))

    assert model.rate(less, "EUR").exact <= model.rate(more, "EUR").exact


@given(RISING | VOLUMES, QUANTITIES)
def test_negative_usage_costs_what_zero_does(model: ChargeModel, quantity: Decimal) -> None:
    """Below zero nothing is given back."""
    assert model.rate(-quantity, "EUR").exact == model.rate(Decimal(0), "EUR").exact


def test_models_that_choose_one_tier_for_all_units_say_that_they_do_not_split() -> None:
    """Code that rates parts of a period asks the model."""
    assert {name for name, model in CHARGE_MODELS.items() if not model.splits} == {"volume", "stairstep"}


def test_models_say_what_they_read_of_the_usage() -> None:
    """Most only look at the quantity."""
    needs = {name: model.needs for name, model in CHARGE_MODELS.items() if model.needs is not Needs.QUANTITY}

    assert needs == {"percentage": Needs.EVENTS, "matrix": Needs.GROUPS}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({**PACKAGE, "package_size": "0"}, "package_size"),
        ({**PACKAGE, "round": "near"}, "round"),
        ({**PACKAGE, "round": ["up"]}, "round"),
        ({**PACKAGE, "unit_price": "1"}, "unit_price"),
        ({"model": "volume", "tiers": [{"up_to": "5", "unit_price": "1"}]}, "tiers[0]"),
        ({"model": "volume", "tiers": [{"up_to": None, "price": "1"}]}, "tiers[0].unit_price"),
        ({"model": "stairstep", "steps": []}, "steps"),
        ({"model": "stairstep", "steps": ["1"]}, "steps[0]"),
        ({"model": "stairstep", "steps": [{**STEP, "flat": "1"}]}, "steps[0].flat"),
        ({"model": "stairstep", "steps": [{"up_to": "5", "price": "1"}]}, "steps[0]"),
        ({"model": "stairstep", "steps": [{"up_to": "5", "price": "2"}, STEP]}, "steps[1].price"),
        ({**PERCENTAGE, "free_events": "3"}, "free_events"),
        ({**PERCENTAGE, "free_events": True}, "free_events"),
        ({**PERCENTAGE, "free_events": -1}, "free_events"),
        ({**PERCENTAGE, "rate_percent": 1}, "rate_percent"),
        ({**PERCENTAGE, "per_event_min": "2", "per_event_max": "1"}, "per_event_max"),
        ({"model": "graduated_percentage", "tiers": [{"up_to": None, "unit_price": "1"}]}, "tiers[0].rate_percent"),
        ({"model": "dynamic", "price_unit": "cents"}, "price_unit"),
        ({"model": "dynamic", "multiplier": "-1"}, "multiplier"),
        ({**MATRIX, "dimensions": []}, "dimensions"),
        ({**MATRIX, "dimensions": ["a", "a"]}, "dimensions"),
        ({**MATRIX, "dimensions": ["a", "b"]}, "prices[0].values"),
        ({**MATRIX, "dimensions": [1]}, "dimensions"),
        ({**MATRIX, "prices": {}}, "prices"),
        ({**MATRIX, "prices": ["x"]}, "prices[0]"),
        ({**MATRIX, "prices": [{"values": ["x"], "unit_price": 1}]}, "prices[0].unit_price"),
        ({**MATRIX, "prices": [CELL, CELL]}, "prices[1].values"),
        ({**MATRIX, "default": None}, "default"),
    ],
)
def test_a_document_that_cannot_be_sold_names_the_field(document: dict[str, Any], field: str) -> None:
    """Missing, unknown and wrong fields are refused, with the place to look at."""
    with pytest.raises(ChargeError) as caught:
        parse_model(document)

    assert caught.value.facts["field"] == field
