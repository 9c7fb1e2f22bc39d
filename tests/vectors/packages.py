"""Answers to the cases of package prices."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.pricing.package import Package
from tests.vectors import charges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.pricing.rated import Rated
    from tests.vectors.case import Case


def _units(case: Case) -> Decimal:
    return Decimal(str(case.given["units"]))


def _rated(case: Case) -> Rated:
    return charges.model(case, "units").rate(_units(case), charges.currency(case))


def _packages(case: Case) -> int:
    model = charges.model(case, "units")
    assert isinstance(model, Package)
    return model.packages(_units(case))


PACKAGE: Mapping[str, Callable[[Case], Any]] = {**charges.answers(_rated), "packages": _packages}
