"""The charge models there are, one line each, and the reading of a charge document of a plan version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.pricing.charge import Charge, ChargeModel, Timing
from billing.pricing.conversion import Conversion, FreeUnits, WholeUnits
from billing.pricing.document import ChargeError, check_fields, decimal_field, optional_decimal_field, text_field
from billing.pricing.dynamic import Dynamic
from billing.pricing.flat import Flat
from billing.pricing.graduated import Graduated
from billing.pricing.graduated_percentage import GraduatedPercentage
from billing.pricing.matrix import Matrix
from billing.pricing.package import Package
from billing.pricing.per_unit import PerUnit
from billing.pricing.percentage import Percentage
from billing.pricing.rules import PriceRule, parse_rules
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


_OPTIONAL = {
    "meter",
    "timing",
    "per",
    "conversion",
    "free_units",
    "minimum",
    "maximum",
    "floor",
    "ceiling",
    "rules",
}


def parse_charge(document: Mapping[str, Any]) -> Charge:
    """A charge from `{"key", "name", "price": {"model", ...}, "meter": null, "timing": "advance"}`; the last two may be left out.

    It may also have `per: "seat"`, `conversion: {"per_unit", "whole"}`, `free_units`, `minimum`, `maximum`, and `rules` with `floor` and
    `ceiling` (see `billing.pricing.rules`).

    >>> parse_charge({"key": "api", "name": "Calls", "meter": "api", "price": {"model": "flat", "amount": "1"}}).timing.value
    'arrears'
    """
    check_fields(document, required={"key", "name", "price"}, optional=_OPTIONAL)
    meter = None if document.get("meter") is None else text_field(document, "meter")
    free = optional_decimal_field(document, "free_units")
    rules = parse_rules(document.get("rules"))
    return Charge(
        key=text_field(document, "key"),
        name=text_field(document, "name"),
        model=_price(document["price"], "price"),
        meter=meter,
        timing=_timing(document.get("timing"), meter),
        per_seat=_per_seat(document.get("per")),
        conversion=_conversion(document.get("conversion")),
        free_units=None if free is None else FreeUnits(free),
        minimum=optional_decimal_field(document, "minimum"),
        maximum=optional_decimal_field(document, "maximum"),
        rules=rules,
        floor=optional_decimal_field(document, "floor"),
        ceiling=optional_decimal_field(document, "ceiling"),
        ruled_models=_ruled_models(rules),
    )


def _price(price: object, field: str) -> ChargeModel:
    if not isinstance(price, Mapping):
        raise ChargeError("price is an object with a model", field=field, value=repr(price)[:60])
    try:
        return parse_model(price)
    except ChargeError as error:
        raise ChargeError(error.detail, **{**error.facts, "field": f"{field}.{error.facts['field']}"}) from None


def _ruled_models(rules: tuple[PriceRule, ...]) -> dict[str, ChargeModel]:
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):
        raise ChargeError("rules have different names", field="rules")
    return {
        rule.name: _price(rule.price, f"rules.{place}.then.price")
        for place, rule in enumerate(rules)
        if rule.price is not None
    }


def _per_seat(raw: object) -> bool:
    if raw not in {None, "seat"}:
        raise ChargeError("per is 'seat', or left out", field="per", value=repr(raw)[:60])
    return raw == "seat"


def _conversion(raw: object) -> Conversion | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        raise ChargeError("conversion is an object with per_unit", field="conversion", value=repr(raw)[:60])
    check_fields(raw, required={"per_unit"}, optional={"whole"})
    whole = raw.get("whole", WholeUnits.EXACT.value)
    if whole not in {each.value for each in WholeUnits}:
        known = ", ".join(each.value for each in WholeUnits)
        raise ChargeError(f"whole is one of {known}", field="conversion.whole", value=repr(whole)[:60])
    return Conversion(decimal_field(raw, "per_unit"), WholeUnits(whole))


def _timing(raw: object, meter: str | None) -> Timing:
    if raw is None:
        return Timing.ADVANCE if meter is None else Timing.ARREARS
    if not isinstance(raw, str) or raw not in {timing.value for timing in Timing}:
        raise ChargeError("timing is advance or arrears", field="timing", value=repr(raw)[:60])
    return Timing(raw)
