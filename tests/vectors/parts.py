"""Answers to the cases of rounding and of parts that add up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.money import Money, Rounding, allocate_minor, round_minor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case


def _parts(case: Case) -> list[Decimal]:
    decimals = case.given["decimals"]
    units = int(Decimal(case.given["amount"]).scaleb(decimals))
    weights = [Fraction(str(weight)) for weight in case.given["weights"]]
    scale = max(weight.denominator for weight in weights)
    return [
        Decimal(part).scaleb(-decimals) for part in allocate_minor(units, [int(weight * scale) for weight in weights])
    ]


def _discount(case: Case) -> int:
    if "percent" not in case.given:
        return int(case.given["fixed_discount_cents"])
    return round_minor(sum(case.given["line_cents"]) * _ratio(case))


def _line_discounts(case: Case) -> list[int]:
    return allocate_minor(_discount(case), case.given["line_cents"])


def _ratio(case: Case) -> Fraction:
    return Fraction(case.given["percent"]) / 100


def _rounded(case: Case) -> Money:
    policy = Rounding.HALF_EVEN if "half_even" in case.policy else Rounding.HALF_UP
    return Money.round(Decimal(case.given["amount"]), case.given.get("currency", "EUR"), policy)


ALLOCATION: Mapping[str, Callable[[Case], Any]] = {
    "parts": _parts,
    "line_discount_cents": _line_discounts,
    "sum": lambda case: sum(_line_discounts(case)),
    "discount_on_sum_cents": _discount,
    "independent_per_line": lambda case: [
        Money(cents, "EUR").prorate(_ratio(case)).amount_minor for cents in case.given["line_cents"]
    ],
    "reconciled_parts": _line_discounts,
}

ROUNDING: Mapping[str, Callable[[Case], Any]] = {
    "amount": lambda case: _rounded(case).text,
    "cents": lambda case: _rounded(case).amount_minor,
}
