"""Answers to the cases of stairsteps and of capacity, where the highest step that any unit reaches is charged."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.pricing.registry import parse_model
from billing.pricing.stairstep import highest
from tests.vectors import charges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.pricing.rated import Rated
    from tests.vectors.case import Case


def _rated(case: Case) -> Rated:
    if case.given["model"] == "capacity":
        return highest(_reached(case))
    model = charges.model(
        case,
        "units",
        steps=charges.open_ended(case.given["steps"]),
        flat_at_zero=charges.flat_at_zero(case, default=True),
    )
    return model.rate(Decimal(str(case.given["units"])), charges.currency(case))


def _reached(case: Case) -> list[Rated]:
    """What each unit alone would cost: by its peak on the tiers' limits, or as the case says which tier it reached."""
    code = charges.currency(case)
    if "tier_reached" in case.given:
        units = case.given["tier_reached"].values()
        return [_steps([{"up_to": None, "price": str(unit["price"])}]).rate(Decimal(1), code) for unit in units]
    return [
        _steps(
            [{"up_to": str(tier["limits"][unit]), "price": str(tier["price"])} for tier in case.given["tiers"]]
        ).rate(Decimal(str(peak)), code)
        for unit, peak in case.given["peaks"].items()
    ]


def _steps(steps: list[dict[str, Any]]) -> Any:
    return parse_model({"model": "stairstep", "steps": charges.open_ended(steps)})


STAIRSTEP: Mapping[str, Callable[[Case], Any]] = charges.answers(_rated)
