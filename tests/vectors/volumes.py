"""Answers to the cases of volume prices; the top tier of block prices is the volume model over packages."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.pricing.package import Package
from billing.pricing.registry import parse_model
from billing.pricing.volume import Volume
from tests.vectors import charges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.pricing.rated import Rated
    from tests.vectors.case import Case


def _rated(case: Case) -> Rated:
    code = charges.currency(case)
    if "lines" in case.given:
        return charges.together((_line(line, code) for line in case.given["lines"]), code)
    if case.given["model"] == "block_tiers":
        return charges.together((_blocks(unit, code) for unit in case.given["units"].values()), code)
    model = charges.model(
        case,
        *("units", "units_prorated", "units_full", "tier_selected_by"),
        tiers=charges.open_ended(case.given["tiers"]),
        flat_at_zero=charges.flat_at_zero(case, default=True),
    )
    assert isinstance(model, Volume)
    if "tier_selected_by" not in case.given:
        return model.rate(Decimal(str(case.given["units"])), code)
    whole = Decimal(str(case.given[case.given["tier_selected_by"]]))
    return model.rate_in_tier_of(Decimal(str(case.given["units_prorated"])), whole, code)


def _line(line: Mapping[str, Any], code: str) -> Rated:
    """All units at the price of the one tier they reached."""
    document = {"model": "volume", "tiers": [{"up_to": None, "unit_price": str(line["price"])}]}
    return parse_model(document).rate(Decimal(str(line["quantity"])), code)


def _blocks(unit: Mapping[str, Any], code: str) -> Rated:
    blocks = Package(Decimal(str(unit["block"])), Decimal(0)).packages(Decimal(str(unit["usage"])))
    tiers = [
        {
            "up_to": None if tier["max_blocks"] is None else str(tier["max_blocks"]),
            "unit_price": str(tier["price_per_block"]),
        }
        for tier in unit["tiers"]
    ]
    return parse_model({"model": "volume", "tiers": charges.open_ended(tiers)}).rate(Decimal(blocks), code)


VOLUME: Mapping[str, Callable[[Case], Any]] = charges.answers(_rated)
