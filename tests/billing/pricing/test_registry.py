"""Charges from documents: read strictly, written back equal, and wrong fields named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from billing.pricing.charge import Charge, ChargeModel, Timing
from billing.pricing.document import ChargeError
from billing.pricing.registry import CHARGE_MODELS, parse_charge, parse_model
from tests.billing.pricing.strategies import MODELS

PER_UNIT = {"model": "per_unit", "unit_price": "0.10"}
API = {"key": "api", "name": "API calls", "meter": "api_calls", "price": PER_UNIT}


@given(MODELS)
def test_a_model_reads_back_from_its_own_document(model: ChargeModel) -> None:
    """Writing and reading is the identity, for every registered model."""
    assert parse_model(model.to_document()) == model


@given(MODELS)
def test_a_charge_reads_back_from_its_own_document(model: ChargeModel) -> None:
    """The whole charge survives the way through a stored plan version."""
    charge = Charge(key="fee", name="Fee", model=model, meter=None, timing=Timing.ADVANCE)

    assert parse_charge(charge.to_document()) == charge


def test_each_model_is_registered_under_its_own_name() -> None:
    """The registry's keys are the models' names."""
    assert all(name == model.model for name, model in CHARGE_MODELS.items())


def test_fees_are_billed_in_advance_and_usage_in_arrears() -> None:
    """The default timing follows from whether a meter is named."""
    assert parse_charge(API).timing is Timing.ARREARS
    assert parse_charge({**API, "meter": None}).timing is Timing.ADVANCE


def test_a_fee_that_nothing_would_ever_bill_is_refused() -> None:
    """A charge without a meter in arrears belongs to no invoice, so publishing it is an error."""
    with pytest.raises(ChargeError, match="in advance"):
        parse_charge({**API, "meter": None, "timing": "arrears"})


def _graduated(*tiers: Any) -> dict[str, Any]:
    return {**API, "price": {"model": "graduated", "tiers": list(tiers)}}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"key": "api", "name": "API calls"}, "price"),
        ({**API, "colour": "red"}, "colour"),
        ({**API, "key": "  "}, "key"),
        ({**API, "name": 7}, "name"),
        ({**API, "timing": "someday"}, "timing"),
        ({**API, "timing": "advance"}, "timing"),
        ({**API, "price": "0.10"}, "price"),
        ({**API, "price": {"model": "guess"}}, "price.model"),
        ({**API, "price": {"model": ["per_unit"]}}, "price.model"),
        ({**API, "price": {"model": "per_unit"}}, "price.unit_price"),
        ({**API, "price": {**PER_UNIT, "unit_price": 0.1}}, "price.unit_price"),
        ({**API, "price": {**PER_UNIT, "unit_price": 1}}, "price.unit_price"),
        ({**API, "price": {**PER_UNIT, "unit_price": "NaN"}}, "price.unit_price"),
        ({**API, "price": {**PER_UNIT, "unit_price": "1e3"}}, "price.unit_price"),
        ({**API, "price": {**PER_UNIT, "unit_price": "-1"}}, "price.unit_price"),
        ({**API, "price": {**PER_UNIT, "unit_price": None}}, "price.unit_price"),
        ({**API, "price": {**PER_UNIT, "cap": 5}}, "price.cap"),
        (_graduated(), "price.tiers"),
        (_graduated("10"), "price.tiers[0]"),
        (_graduated({"up_to": None}), "price.tiers[0].unit_price"),
        (_graduated({"up_to": None, "unit_price": "1", "flat": "x"}), "price.tiers[0].flat"),
        (_graduated({"up_to": "5", "unit_price": "1"}), "price.tiers[0]"),
        (_graduated({"up_to": None, "unit_price": "1"}, {"up_to": None, "unit_price": "1"}), "price.tiers[0].up_to"),
        (_graduated({"up_to": "0", "unit_price": "1"}, {"up_to": None, "unit_price": "1"}), "price.tiers[0].up_to"),
        (
            _graduated(
                {"up_to": "5", "unit_price": "1"}, {"up_to": "5", "unit_price": "1"}, {"up_to": None, "unit_price": "1"}
            ),
            "price.tiers[1].up_to",
        ),
    ],
)
def test_a_document_that_cannot_be_sold_names_the_field(document: dict[str, Any], field: str) -> None:
    """Missing, unknown and wrong fields are refused, with the place to look at."""
    with pytest.raises(ChargeError) as caught:
        parse_charge(document)

    assert caught.value.facts["field"] == field


def test_the_switch_for_flat_amounts_is_true_or_false() -> None:
    """A word where a flag is meant is refused."""
    document = {"model": "graduated", "tiers": [{"up_to": None, "unit_price": "1"}], "flat_at_zero": "no"}

    with pytest.raises(ChargeError):
        parse_model(document)
