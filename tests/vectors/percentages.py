"""Answers to the cases of percentages: of single events, and in tiers of an amount."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.pricing.charge import Usage
from tests.vectors import charges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.pricing.rated import Rated
    from tests.vectors.case import Case


def _of_events(case: Case) -> Rated:
    values = tuple(Decimal(str(event)) for event in case.given["events"])
    return charges.model(case, "events").rate_usage(Usage(sum(values, Decimal(0)), values), charges.currency(case))


def _of_an_amount(case: Case) -> Rated:
    model = charges.model(
        case,
        "amount_base",
        tiers=charges.open_ended(case.given["tiers"]),
        flat_at_zero=charges.flat_at_zero(case, default=False),
    )
    return model.rate(Decimal(str(case.given["amount_base"])), charges.currency(case))


PERCENTAGE: Mapping[str, Callable[[Case], Any]] = charges.answers(_of_events)
GRADUATED_PERCENTAGE: Mapping[str, Callable[[Case], Any]] = charges.answers(_of_an_amount)
