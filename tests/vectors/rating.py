"""Answers to the cases of per-unit and graduated prices, given by the registry's own models."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.pricing.package import Package
from billing.pricing.rated import Rated
from billing.pricing.registry import parse_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction

    from tests.vectors.case import Case

_NOT_OF_THE_MODEL = {"currency", "units", "policy", "method"}


def _rated(case: Case) -> Rated:
    currency = case.given.get("currency", "EUR")
    if "lines" in case.given:
        parts = [_per_unit(line["price"], line["quantity"], currency) for line in case.given["lines"]]
    elif case.given["model"] == "block_tiers":
        parts = [_blocks(unit, currency) for unit in case.given["units"].values()]
    else:
        document = {field: value for field, value in case.given.items() if field not in _NOT_OF_THE_MODEL}
        if document["model"] == "graduated":
            document["flat_at_zero"] = "no_flat_on_zero_usage" not in case.policy
        parts = [parse_model(document).rate(Decimal(str(case.given["units"])), currency)]
    return Rated(currency=currency, trace=tuple(step for part in parts for step in part.trace))


def _per_unit(price: Any, quantity: Any, currency: str) -> Rated:
    return parse_model({"model": "per_unit", "unit_price": str(price)}).rate(Decimal(str(quantity)), currency)


def _blocks(unit: Mapping[str, Any], currency: str) -> Rated:
    blocks = Package(Decimal(str(unit["block"])), Decimal(0)).packages(Decimal(str(unit["usage"])))
    tiers = [
        {
            "up_to": None if tier["max_blocks"] is None else str(tier["max_blocks"]),
            "unit_price": str(tier["price_per_block"]),
        }
        for tier in unit["tiers"]
    ]
    return parse_model({"model": "graduated", "tiers": tiers}).rate(Decimal(blocks), currency)


def _exact(case: Case) -> Fraction:
    return _rated(case).exact


ANSWERS: Mapping[str, Callable[[Case], Any]] = {
    "amount": _exact,
    "amount_exact": _exact,
    "amount_rounded": lambda case: _rated(case).money().text,
}
