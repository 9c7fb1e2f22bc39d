"""The charge models there are, one line each, and the reading of a charge document of a plan version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.pricing.charge import Charge, ChargeModel, Timing
from billing.pricing.document import ChargeError, check_fields, text_field
from billing.pricing.dynamic import Dynamic
from billing.pricing.flat import Flat
from billing.pricing.graduated import Graduated
from billing.pricing.graduated_percentage import GraduatedPercentage
from billing.pricing.matrix import Matrix
from billing.pricing.package import Package
from billing.pricing.per_unit import PerUnit
from billing.pricing.percentage import Percentage
from billing.pricing.stairstep import Stairstep
from billing.pricing.volume import Volume

CHARGE_MODELS: Mapping[str, type[ChargeModel]] = {
    Flat.model: Flat,
    PerUnit.model: PerUnit,
    Graduated.model: Graduated,
    Package.model: Package,
    Volume.model: Volume,
    Stairstep.model: Stairstep,
    Percentage.model: Percentage,
    GraduatedPercentage.model: GraduatedPercentage,
    Dynamic.model: Dynamic,
    Matrix.model: Matrix,
}


def parse_model(document: Mapping[str, Any]) -> ChargeModel:
    """A price model from its document, `{"model": "per_unit", "unit_price": "0.10"}`.

    >>> parse_model({"model": "flat", "amount": "29"})
    Flat(amount=Decimal('29'))
    """
    name = document.get("model")
    if not isinstance(name, str) or name not in CHARGE_MODELS:
        raise ChargeError(f"model is one of {', '.join(sorted(CHARGE_MODELS))}", field="model", value=repr(name)[:60])
    return CHARGE_MODELS[name].parse(document)


def parse_charge(document: Mapping[str, Any]) -> Charge:
    """A charge from `{"key", "name", "price": {"model", ...}, "meter": null, "timing": "advance"}`; the last two may be left out.

    >>> parse_charge({"key": "api", "name": "Calls", "meter": "api", "price": {"model": "flat", "amount": "1"}}).timing.value
    'arrears'
    """
    check_fields(document, required={"key", "name", "price"}, optional={"meter", "timing"})
    meter = None if document.get("meter") is None else text_field(document, "meter")
    price = document["price"]
    if not isinstance(price, Mapping):
        raise ChargeError("price is an object with a model", field="price", value=repr(price)[:60])
    try:
        model = parse_model(price)
    except ChargeError as error:
        raise ChargeError(error.detail, **{**error.facts, "field": f"price.{error.facts['field']}"}) from None
    return Charge(
        key=text_field(document, "key"),
        name=text_field(document, "name"),
        model=model,
        meter=meter,
        timing=_timing(document.get("timing"), meter),
    )


def _timing(raw: object, meter: str | None) -> Timing:
    if raw is None:
        return Timing.ADVANCE if meter is None else Timing.ARREARS
    if not isinstance(raw, str) or raw not in {timing.value for timing in Timing}:
        raise ChargeError("timing is advance or arrears", field="timing", value=repr(raw)[:60])
    return Timing(raw)
