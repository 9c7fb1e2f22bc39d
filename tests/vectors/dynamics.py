"""Answers to the cases of prices that the events carry themselves."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.pricing.charge import Usage
from tests.vectors import charges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.pricing.rated import Rated
    from tests.vectors.case import Case


def _rated(case: Case) -> Rated:
    cents = "event_amount_cents" in case.given
    values = tuple(Decimal(str(value)) for value in case.given.get("event_amount_cents", ()))
    quantity = sum(values, Decimal(0)) if cents else Decimal(str(case.given["quantity"]))
    model = charges.model(case, "quantity", "event_amount_cents", price_unit="minor" if cents else "major")
    return model.rate_usage(Usage(quantity, values), charges.currency(case))


DYNAMIC: Mapping[str, Callable[[Case], Any]] = charges.answers(_rated)
